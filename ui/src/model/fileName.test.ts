import { describe, expect, it } from 'vitest'
import { splitPath, titleOf } from './fileName'

describe('file names', () => {
  it('lose folder and ending', () => {
    expect(titleOf('parts/2026/bracket v2.gcode')).toBe('bracket v2')
    expect(titleOf('cube.BGCODE')).toBe('cube')
    expect(titleOf('archive.tar')).toBe('archive.tar')
    expect(titleOf('.gcode')).toBe('.gcode')
  })

  it('are split at the last slash', () => {
    expect(splitPath('a/b/c.gcode')).toEqual({ folder: 'a/b/', name: 'c.gcode' })
    expect(splitPath('c.gcode')).toEqual({ folder: '', name: 'c.gcode' })
  })
})
