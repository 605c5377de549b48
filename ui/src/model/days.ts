/** Days of the reader's calendar, as `2026-01-31`, and the instants at which they begin in a time zone. */

export type Day = string

const DAY = /^\d{4}-\d{2}-\d{2}$/

export function isDay(text: unknown): text is Day {
  return typeof text === 'string' && DAY.test(text) && shiftDay(text, 0) === text
}

/** Parts of a timeline, by their length. */
export const BUCKETS = ['hour', 'day', 'week', 'month', 'year'] as const

/** Parts that make a readable timeline of the days from `from` to `to`. `null`: since ever, until today. */
export function bucketFor(from: Day | null, to: Day | null): (typeof BUCKETS)[number] {
  if (from === null) return 'month'
  const end = to ?? dayOf(new Date())
  const days = (Date.parse(`${end}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000 + 1
  if (days <= 2) return 'hour'
  if (days <= 62) return 'day'
  return days <= 730 ? 'week' : 'month'
}

/** The day that is `days` later. */
export function shiftDay(day: Day, days: number): Day {
  const date = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(date.getTime())) return ''
  date.setUTCDate(date.getUTCDate() + days)
  return date.toISOString().slice(0, 10)
}

/** The day it is in the zone. */
export function dayOf(instant: Date, timeZone?: string | null): Day {
  const { year, month, day } = wallClock(instant, timeZone)
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
}

/** Monday of the week that the day is in (ISO 8601). */
export function mondayOf(day: Day): Day {
  const weekday = new Date(`${day}T00:00:00Z`).getUTCDay()
  return shiftDay(day, -((weekday + 6) % 7))
}

/** The instant at which the day begins in the zone; where midnight is skipped, the first one after it. */
export function startOfDay(day: Day, timeZone?: string | null): Date {
  const midnight = Date.parse(`${day}T00:00:00Z`)
  // The offset at a guess is right unless the guess lies beyond a change of the clocks; the second one then is.
  let start = midnight - offset(new Date(midnight), timeZone)
  start = midnight - offset(new Date(start), timeZone)
  while (dayOf(new Date(start), timeZone) < day) start += 30 * 60_000
  return new Date(start)
}

/** How far the zone is ahead of UTC, in ms. */
function offset(instant: Date, timeZone?: string | null) {
  const { year, month, day, hour, minute, second } = wallClock(instant, timeZone)
  const wall = Date.UTC(year, month - 1, day, hour, minute, second)
  return wall - Math.floor(instant.getTime() / 1000) * 1000
}

const formats = new Map<string, Intl.DateTimeFormat>()

function wallClock(instant: Date, timeZone?: string | null) {
  const key = timeZone ?? ''
  let format = formats.get(key)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timeZone ?? undefined, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
      hour: 'numeric', minute: 'numeric', second: 'numeric',
    })
    formats.set(key, format)
  }
  const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]))
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0
  return {
    year: part('year'), month: part('month'), day: part('day'),
    hour: part('hour'), minute: part('minute'), second: part('second'),
  }
}

const two = (number: number) => String(number).padStart(2, '0')
