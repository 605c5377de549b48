/** Days of the reader's calendar, as `2026-01-31`, and the instants at which they begin in a time zone. */
import { fromDate, getLocalTimeZone, parseDate, startOfWeek, toCalendarDate, type CalendarDate } from '@internationalized/date'

export type Day = string

/** Parts of a timeline, by their length. */
export const BUCKETS = ['hour', 'day', 'week', 'month', 'year'] as const

const MS_PER_DAY = 86_400_000

/** `null` for anything but an ISO day; users can type anything into a URL. */
function parse(text: unknown): CalendarDate | null {
  if (typeof text !== 'string') return null
  try {
    const date = parseDate(text)
    return date.toString() === text ? date : null
  } catch {
    return null
  }
}

export function isDay(text: unknown): text is Day {
  return parse(text) !== null
}

/** Parts that make a readable timeline of the days from `from` to `to`. `null`: without a limit, until today. */
export function bucketFor(from: Day | null, to: Day | null): (typeof BUCKETS)[number] {
  if (from === null) return 'month'
  const days = daysBetween(from, to ?? dayOf(new Date())) + 1
  if (days <= 2) return 'hour'
  if (days <= 62) return 'day'
  return days <= 730 ? 'week' : 'month'
}

/** Days from one day to a later one. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / MS_PER_DAY)
}

/** The day that is so much later. */
export function shiftDay(day: Day, days: number): Day {
  return parse(day)?.add({ days }).toString() ?? ''
}

/** The same day in another month or year, or the last one of that month. */
export function shiftMonth(day: Day, months: number): Day {
  return parse(day)?.add({ months }).toString() ?? ''
}

/** The current day in the zone. */
export function dayOf(instant: Date, timeZone?: string | null): Day {
  return toCalendarDate(fromDate(instant, zoneOf(timeZone))).toString()
}

/** Monday of the week that the day is in (ISO 8601). */
export function mondayOf(day: Day): Day {
  const date = parse(day)
  return date === null ? '' : startOfWeek(date, 'en-GB', 'mon').toString()
}

/** The instant at which the day begins in the zone; where midnight is skipped, the first one after it. */
export function startOfDay(day: Day, timeZone?: string | null): Date {
  return parse(day)?.toDate(zoneOf(timeZone)) ?? new Date(Number.NaN)
}

/** The browser's zone by default. Some browsers report none, or one that `Intl` rejects. */
function zoneOf(timeZone?: string | null): string {
  if (timeZone) return timeZone
  const local = getLocalTimeZone()
  try {
    return new Intl.DateTimeFormat('en', { timeZone: local }).resolvedOptions().timeZone || 'UTC'
  } catch {
    return 'UTC'
  }
}
