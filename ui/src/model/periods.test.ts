import { describe, expect, it } from 'vitest'
import { periodDays, periodName, PERIODS } from './periods'

describe('named periods', () => {
  it('are days of the calendar, over the ends of weeks, months and years', () => {
    const table: [Parameters<typeof periodDays>[0], string, string | null, string | null][] = [
      ['yesterday', '2026-01-01', '2025-12-31', '2025-12-31'],
      ['thisWeek', '2026-01-01', '2025-12-29', null],
      ['lastWeek', '2026-01-01', '2025-12-22', '2025-12-28'],
      ['thisMonth', '2026-03-31', '2026-03-01', null],
      ['lastMonth', '2026-03-31', '2026-02-01', '2026-02-28'],
      ['lastMonth', '2024-03-01', '2024-02-01', '2024-02-29'],
      ['lastMonth', '2026-01-15', '2025-12-01', '2025-12-31'],
      ['days30', '2026-03-01', '2026-01-31', null],
    ]
    for (const [name, today, from, to] of table) expect(periodDays(name, today), `${name} on ${today}`).toEqual({ from, to })
  })

  it('are recognised by their days', () => {
    for (const name of PERIODS) expect(periodName(periodDays(name, '2026-07-15'), '2026-07-15')).toBe(name)
    expect(periodName({ from: '2026-01-03', to: '2026-01-04' }, '2026-07-15')).toBeNull()
  })
})
