import { describe, expect, it } from 'vitest'
import { wallColumns } from './wallGrid'

describe('the columns of the board', () => {
  it('follow the number of printers and the shape of the screen', () => {
    const table: [number, number, number, number][] = [
      [0, 1920, 1080, 1], [1, 1920, 1080, 1], [2, 1920, 1080, 2], [6, 1920, 1080, 3], [6, 360, 740, 1], [6, 1080, 1920, 2],
      [12, 1920, 1080, 4],
    ]
    for (const [tiles, width, height, columns] of table) {
      expect(wallColumns(tiles, width, height), `${tiles} on ${width}x${height}`).toBe(columns)
    }
  })

  it('make room for hundreds', () => {
    const columns = wallColumns(200, 1920, 1080)
    expect(columns).toBeGreaterThan(12)
    expect(columns).toBeLessThan(22)
  })
})
