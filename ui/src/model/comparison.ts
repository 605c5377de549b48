/** How figures of two periods compare, and when a comparison would mislead. */
import { shiftDay, shiftMonth, startOfDay, type Day } from './days'

export const BASES = ['previous', 'month', 'year'] as const
export type Base = (typeof BASES)[number]

/** A change is omitted when the value is missing for a greater share of the jobs of either period. */
const TOLERATED_MISSING = 0.05

export interface Sum {
  /** `null`: unknown for all jobs. */
  value: number | null | undefined
  /** Jobs that the value is missing for. */
  missing: number
  jobs: number
}

export function isComplete({ missing, jobs }: Sum): boolean {
  return jobs === 0 || missing / jobs <= TOLERATED_MISSING
}

/** Growth from one period to another: 0.1 is a tenth more. `null` where it is unknown or would mislead. */
export function growth(now: Sum, before: Sum): number | null {
  if (typeof now.value !== 'number' || typeof before.value !== 'number' || before.value <= 0) return null
  return isComplete(now) && isComplete(before) ? now.value / before.value - 1 : null
}

/** Instants of the period to compare with. A period that still runs is compared up to the same moment. */
export function basePeriod(base: Base, from: Day, to: Day | null, now: Date, timeZone: string | null): { since: Date; until: Date } {
  const since = startOfDay(from, timeZone)
  const end = to === null ? now : startOfDay(shiftDay(to, 1), timeZone)
  const until = end > now ? now : end
  if (base === 'previous') return { since: new Date(since.getTime() - (until.getTime() - since.getTime())), until: since }
  const months = base === 'month' ? -1 : -12
  const start = startOfDay(shiftMonth(from, months), timeZone)
  // The last day of a whole month stays the last one: 31 March is compared with all of February.
  if (to !== null && end <= now) return { since: start, until: startOfDay(shiftDay(shiftedEnd(from, to, months), 1), timeZone) }
  return { since: start, until: new Date(start.getTime() + (until.getTime() - since.getTime())) }
}

function shiftedEnd(from: Day, to: Day, months: number): Day {
  const isWholeMonth = from.endsWith('-01') && shiftDay(to, 1).endsWith('-01')
  return isWholeMonth ? shiftDay(shiftMonth(shiftDay(to, 1), months), -1) : shiftMonth(to, months)
}
