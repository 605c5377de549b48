import { describe, expect, it } from 'vitest'
import { basePeriod, growth } from './comparison'

describe('a change', () => {
  it('is the ratio of two sums that are known well enough', () => {
    expect(growth({ value: 110, missing: 0, jobs: 10 }, { value: 100, missing: 0, jobs: 10 })).toBeCloseTo(0.1)
    expect(growth({ value: 110, missing: 5, jobs: 100 }, { value: 100, missing: 0, jobs: 10 })).toBeCloseTo(0.1)
  })

  it('is omitted where more than 5 % of either period are missing, and without a base', () => {
    expect(growth({ value: 110, missing: 6, jobs: 100 }, { value: 100, missing: 0, jobs: 10 })).toBeNull()
    expect(growth({ value: 110, missing: 0, jobs: 100 }, { value: 0.3, missing: 99, jobs: 100 })).toBeNull()
    expect(growth({ value: 110, missing: 0, jobs: 100 }, { value: 0, missing: 0, jobs: 0 })).toBeNull()
    expect(growth({ value: null, missing: 0, jobs: 100 }, { value: 5, missing: 0, jobs: 5 })).toBeNull()
  })
})

describe('the base of a comparison', () => {
  const now = new Date('2026-11-15T12:00:00Z')
  const table: [Parameters<typeof basePeriod>[0], string, string | null, string, string][] = [
    ['previous', '2026-11-01', '2026-11-10', '2026-10-22T00:00:00.000Z', '2026-11-01T00:00:00.000Z'],
    ['previous', '2026-11-01', null, '2026-10-17T12:00:00.000Z', '2026-11-01T00:00:00.000Z'],
    ['month', '2026-11-01', null, '2026-10-01T00:00:00.000Z', '2026-10-15T12:00:00.000Z'],
    ['month', '2026-03-01', '2026-03-31', '2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
    ['month', '2026-02-01', '2026-02-28', '2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'],
    ['month', '2026-10-05', '2026-10-11', '2026-09-05T00:00:00.000Z', '2026-09-12T00:00:00.000Z'],
    ['year', '2026-11-01', null, '2025-11-01T00:00:00.000Z', '2025-11-15T12:00:00.000Z'],
    ['year', '2026-11-01', '2026-11-30', '2025-11-01T00:00:00.000Z', '2025-11-15T12:00:00.000Z'],
  ]
  it.each(table)('%s of %s to %s', (base, from, to, since, until) => {
    const period = basePeriod(base, from, to, now, 'UTC')
    expect([period.since.toISOString(), period.until.toISOString()]).toEqual([since, until])
  })
})
