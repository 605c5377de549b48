import { describe, expect, it } from 'vitest'
import { flatten, search } from './flatten'

describe('flatten', () => {
  it('makes rows of any JSON value', () => {
    expect(flatten({ a: 1, b: { c: null, d: [1, 2], e: [{ f: true }] }, g: [] })).toEqual([
      { key: 'a', value: '1' }, { key: 'b.c', value: 'null' }, { key: 'b.d', value: '1, 2' },
      { key: 'b.e.0.f', value: 'true' }, { key: 'g', value: '' },
    ])
    expect(flatten('x')).toEqual([{ key: '', value: 'x' }])
  })

  it('ends on huge values', () => {
    const huge = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`key${index}`, index]))
    expect(flatten(huge)).toHaveLength(5_000)
  })

  it('is searched by words in any order', () => {
    const rows = flatten({ infill: { pattern: 'gyroid', density: '15%' }, layer: 0.2 })
    expect(search(rows, 'GYROID infill').map(({ key }) => key)).toEqual(['infill.pattern'])
    expect(search(rows, '  ')).toHaveLength(3)
    expect(search(rows, 'infill layer')).toEqual([])
  })
})
