import { describe, expect, it } from 'vitest'
import { filterFromQuery, filterToParameters, filterToQuery, NO_FILTER, restrictions, type JobFilter } from './jobFilter'

const FULL: JobFilter = {
  printers: [1, 7], statuses: ['error', 'cancelled'], from: '2026-03-28', to: '2026-03-29', materials: ['PLA', ''], verdicts: ['scrap'],
  causes: ['klippy_shutdown'], slicers: ['OrcaSlicer'], users: [''], reasons: ['Warped'], hours: { min: 0.5, max: 3 }, metres: { min: null, max: 10 },
  tags: ['gift'], text: 'a b',
}

describe('the filter of jobs', () => {
  it('comes back from the URL as it went in', () => {
    for (const filter of [FULL, NO_FILTER]) {
      expect(filterFromQuery(filterToQuery(filter) as never)).toEqual(filter)
    }
    expect(filterToQuery(NO_FILTER)).toEqual({})
  })

  it('takes nothing from the URL that makes no sense', () => {
    const query = {
      printer: ['x', '-1', '1.5', '3', null], status: ['done', 'error'], from: '2026-02-30', to: 'now',
      q: '  ', material: null, verdict: 'fine', tag: [' ', 'a,b'], other: '1', minHours: '-1', maxHours: 'x', minMetres: '',
    }
    expect(filterFromQuery(query)).toEqual({ ...NO_FILTER, printers: [3], statuses: ['error'] })
  })

  it('asks for whole days of the zone, the last one included', () => {
    expect(filterToParameters(FULL, 'Europe/Berlin')).toEqual({
      printer_id: [1, 7], status: ['error', 'cancelled'], filament_type: ['PLA', ''], verdict: ['scrap'], tag: ['gift'], q: 'a b', slicer: ['OrcaSlicer'],
      cause: ['klippy_shutdown'], user: [''], verdict_reason: ['Warped'], print_duration_min: 1800, print_duration_max: 10800, filament_used_max: 10000,
      since: '2026-03-27T23:00:00.000Z', until: '2026-03-29T22:00:00.000Z',
    })
    expect(filterToParameters(NO_FILTER, null)).toEqual({})
  })

  it('counts its restrictions', () => {
    expect(restrictions(NO_FILTER)).toBe(0)
    expect(restrictions(FULL)).toBe(15)
  })
})
