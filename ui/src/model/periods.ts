/** Periods that a filter offers by name, as first and last day. */
import { mondayOf, shiftDay, shiftMonth, type Day } from './days'

/** `to` is `null` for a period that lasts until now. */
export interface DayRange {
  from: Day | null
  to: Day | null
}

export const PERIODS = [
  'anyTime', 'today', 'yesterday', 'thisWeek', 'lastWeek', 'thisMonth', 'lastMonth', 'days30', 'days90', 'year', 'thisYear',
] as const
export type PeriodName = (typeof PERIODS)[number]

export function periodDays(name: PeriodName, today: Day): DayRange {
  const monday = mondayOf(today)
  const first = `${today.slice(0, 7)}-01`
  const periods: Record<PeriodName, DayRange> = {
    anyTime: { from: null, to: null },
    today: { from: today, to: null },
    yesterday: { from: shiftDay(today, -1), to: shiftDay(today, -1) },
    thisWeek: { from: monday, to: null },
    lastWeek: { from: shiftDay(monday, -7), to: shiftDay(monday, -1) },
    thisMonth: { from: first, to: null },
    lastMonth: { from: shiftMonth(first, -1), to: shiftDay(first, -1) },
    days30: { from: shiftDay(today, -29), to: null },
    days90: { from: shiftDay(today, -89), to: null },
    year: { from: shiftDay(today, -364), to: null },
    thisYear: { from: `${today.slice(0, 4)}-01-01`, to: null },
  }
  return periods[name]
}

/** The name of a period, if it has one. */
export function periodName({ from, to }: DayRange, today: Day): PeriodName | null {
  return PERIODS.find((name) => {
    const days = periodDays(name, today)
    return days.from === from && days.to === to
  }) ?? null
}
