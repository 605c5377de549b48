import { describe, expect, it } from 'vitest'
import { dayOf, isDay, mondayOf, shiftDay, startOfDay } from './days'

describe('days', () => {
  it('begin at midnight of the zone, also when the clocks change', () => {
    const table: [string, string, string][] = [
      ['2026-01-31', 'UTC', '2026-01-31T00:00:00.000Z'],
      ['2026-01-31', 'America/New_York', '2026-01-31T05:00:00.000Z'],
      ['2026-07-01', 'America/New_York', '2026-07-01T04:00:00.000Z'],
      ['2026-01-31', 'Asia/Kathmandu', '2026-01-30T18:15:00.000Z'],
      ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
      ['2026-03-30', 'Europe/Berlin', '2026-03-29T22:00:00.000Z'],
      ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z'],
      ['2026-10-26', 'Europe/Berlin', '2026-10-25T23:00:00.000Z'],
      ['2026-01-31', 'Pacific/Kiritimati', '2026-01-30T10:00:00.000Z'],
    ]
    for (const [day, zone, start] of table) expect(startOfDay(day, zone).toISOString(), `${day} ${zone}`).toBe(start)
  })

  it('begin at the first instant there is, where midnight is skipped', () => {
    // In Santiago the clocks go from 24:00 to 01:00.
    expect(startOfDay('2026-09-06', 'America/Santiago').toISOString()).toBe('2026-09-06T04:00:00.000Z')
  })

  it('are those of the zone', () => {
    const late = new Date('2026-01-31T04:30:00Z')
    expect(dayOf(late, 'America/New_York')).toBe('2026-01-30')
    expect(dayOf(late, 'Europe/Berlin')).toBe('2026-01-31')
    expect(dayOf(startOfDay('2026-03-29', 'Europe/Berlin'), 'Europe/Berlin')).toBe('2026-03-29')
  })

  it('know their week over New Year', () => {
    for (const day of ['2024-12-30', '2025-01-01', '2025-01-05']) expect(mondayOf(day)).toBe('2024-12-30')
    expect(mondayOf('2025-01-06')).toBe('2025-01-06')
  })

  it('are distinguished from other texts', () => {
    expect(isDay('2024-02-29')).toBe(true)
    for (const text of ['2026-02-29', '2026-1-1', '2026-13-01', '', 'today', null, ['2026-01-01']]) expect(isDay(text)).toBe(false)
    expect(shiftDay('2024-02-28', 2)).toBe('2024-03-01')
  })
})
