import { describe, expect, it } from 'vitest'
import { wallRows } from './wallGrid'

describe('the rows of the wall display', () => {
  it('follow the number of printers and the shape of the screen', () => {
    const table: [number, number, number, number[]][] = [
      [0, 1920, 1080, []], [1, 1920, 1080, [1]], [2, 1920, 1080, [2]], [3, 1920, 1080, [3]], [5, 1920, 1080, [2, 3]],
      [6, 1920, 1080, [3, 3]], [6, 360, 740, [1, 1, 1, 1, 1, 1]], [6, 1080, 1920, [2, 2, 2]], [12, 1920, 1080, [4, 4, 4]],
    ]
    for (const [tiles, width, height, rows] of table) expect(wallRows(tiles, width, height), `${tiles} on ${width}x${height}`).toEqual(rows)
  })

  it('hold every tile, in rows that differ by one at most', () => {
    for (let tiles = 1; tiles <= 200; tiles += 1) {
      const rows = wallRows(tiles, 1920, 1080)
      expect(rows.reduce((sum, count) => sum + count, 0)).toBe(tiles)
      expect(Math.max(...rows) - Math.min(...rows)).toBeLessThanOrEqual(1)
    }
  })
})
