import { describe, expect, it } from 'vitest'
import { numberCell, shortenMiddle, sortRows, textCell } from './chartTable'

const row = (name: string, count: number | null) => ({ cells: [textCell(name), numberCell(count, String)] })
const names = (rows: ReturnType<typeof sortRows>) => rows.map(({ cells }) => cells[0]?.text)

describe('the table of a chart', () => {
  const rows = [row('b 10', 3), row('b 9', null), row('A', 20)]

  it('sorts by numbers and by names, unknown values last', () => {
    expect(names(sortRows(rows, { column: 1, isDescending: true }))).toEqual(['A', 'b 10', 'b 9'])
    expect(names(sortRows(rows, { column: 1, isDescending: false }))).toEqual(['b 10', 'A', 'b 9'])
    expect(names(sortRows(rows, { column: 0, isDescending: false }))).toEqual(['A', 'b 9', 'b 10'])
    expect(names(sortRows(rows, null))).toEqual(['b 10', 'b 9', 'A'])
  })
})

describe('a label', () => {
  it('keeps its beginning and its end', () => {
    expect(shortenMiddle('benchy.gcode', 12)).toBe('benchy.gcode')
    expect(shortenMiddle('voron_cube_PLA_v1.gcode', 11)).toBe('voron…gcode')
    expect(shortenMiddle('😀😀😀😀😀😀', 5)).toBe('😀😀…😀😀')
  })
})
