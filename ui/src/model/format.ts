/**
 * Makes the API's plain numbers readable: mm, s, °C and instants in UTC become text in the language, the units and
 * the time zone of the reader. What is unknown becomes a dash, never 0.
 */

export type LengthUnit = 'm' | 'mm' | 'g'

export interface FormatOptions {
  /** BCP 47 tag such as `en` or `de`. */
  locale: string
  /** IANA name. `undefined`: the browser's. */
  timeZone?: string | undefined
  /** Unit of amounts of filament. */
  length: LengthUnit
  /** g/cm³ of filament of 1.75 mm, for amounts in g whose weight is unknown. */
  density?: number | undefined
}

/** PLA's. In g/cm³. */
export const USUAL_DENSITY = 1.24
/** Cross-section of filament of 1.75 mm, in mm². */
const SECTION = Math.PI * (1.75 / 2) ** 2

/** Shown for an unknown value. */
export const UNKNOWN = '–'

/** Of data, each a thousand of the one before. */
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

type Maybe<T> = T | null | undefined

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Symbols of the SI, with a no-break space; English readers know shorter ones. */
const SYMBOLS = { day: '\u00A0d', hour: '\u00A0h', minute: '\u00A0min', second: '\u00A0s' }
const NARROW = { day: 'd', hour: 'h', minute: 'm', second: 's' }

export function createFormat({ locale, timeZone, length, density = USUAL_DENSITY }: FormatOptions) {
  const number = (digits: number) =>
    new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits })
  const integer = number(0)
  const oneDigit = number(1)
  /** Amounts, that stand at axes too: whole ones are shown whole. */
  const amountOf = (digits: number) => new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits, trailingZeroDisplay: 'stripIfInteger' })
  const percentWhole = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 })
  const percentFine = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 })
  const symbols = locale.startsWith('en') ? NARROW : SYMBOLS
  const amount = (value: number, unit: keyof typeof SYMBOLS) => integer.format(value) + symbols[unit]
  /** The larger unit, and the smaller one unless it is 0. */
  const pair = (large: number, unit: keyof typeof SYMBOLS, small: number, smaller: keyof typeof SYMBOLS) =>
    small === 0 ? amount(Math.floor(large), unit) : `${amount(Math.floor(large), unit)} ${amount(small, smaller)}`
  const mass = (g: number) => (Math.abs(g) >= 1000 ? `${amountOf(2).format(g / 1000)} kg` : `${amountOf(1).format(g)} g`)
  const exact = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long', timeZone })
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone })
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone })
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short', timeZone })
  const weekdayClock = new Intl.DateTimeFormat(locale, {
    weekday: 'short', hour: 'numeric', minute: '2-digit', timeZone,
  })
  const calendarDay = new Intl.DateTimeFormat(locale, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' })
  const shortMonth = new Intl.DateTimeFormat(locale, { month: 'short', timeZone: 'UTC' })
  const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short', timeZone: 'UTC' })
  const buckets: Record<string, Intl.DateTimeFormat> = {
    hour: new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit', timeZone }),
    day: new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone }),
    week: new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: '2-digit', timeZone }),
    month: new Intl.DateTimeFormat(locale, { month: 'short', year: 'numeric', timeZone }),
    year: new Intl.DateTimeFormat(locale, { year: 'numeric', timeZone }),
  }
  const days = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric', timeZone })
  const growth = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' })
  const signed = new Intl.NumberFormat(locale, { maximumFractionDigits: 1, signDisplay: 'exceptZero' })
  const dayKey = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' })
  const relativeTime = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'long' })

  const shortDateTime = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit', timeZone })
  const short = (date: Date, now: Date) =>
    (dayKey.format(date).slice(0, 4) === dayKey.format(now).slice(0, 4) ? shortDateTime : dateTime).format(date)
  const relativeNear = (ahead: number) => {
    const size = Math.abs(ahead)
    if (size < 45) return relativeTime.format(0, 'second')
    if (size < 45 * MINUTE) return relativeTime.format(Math.round(ahead / MINUTE), 'minute')
    return relativeTime.format(Math.round(ahead / HOUR), 'hour')
  }

  const known = <T>(value: Maybe<T>, show: (value: T) => string) =>
    value === null || value === undefined ? UNKNOWN : show(value)
  const weight = (grams: Maybe<number>, isEstimated: Maybe<boolean>) => known(grams, (g) => `${isEstimated ? '≈ ' : ''}${mass(g)}`)
  const lengthOf = (mm: Maybe<number>) =>
    known(mm, (n) => (length === 'mm' ? `${integer.format(n)} mm` : `${number(Math.abs(n) < 100_000 ? 2 : 0).format(n / 1000)} m`))
  const instant = (value: Maybe<string>, show: (date: Date) => string) =>
    known(value, (text) => {
      const date = new Date(text)
      return Number.isNaN(date.getTime()) ? UNKNOWN : show(date)
    })

  return {
    /** A count. */
    count: (value: Maybe<number>) => known(value, (n) => integer.format(n)),

    /** A ratio of 0 to 1. Never rounds up to 100 % what is not complete. */
    percent: (ratio: Maybe<number>) =>
      known(ratio, (n) => (n < 1 && n > 0.99 ? percentFine.format(Math.floor(n * 1000) / 1000) : percentWhole.format(n))),

    /** Used filament in the unit that the reader chose. Without a known weight, grams are an estimate of the length. */
    filament: (mm: Maybe<number>, grams?: Maybe<number>, isEstimated?: Maybe<boolean>) => {
      if (length !== 'g') return lengthOf(mm)
      return typeof grams === 'number' ? weight(grams, isEstimated) : weight(typeof mm === 'number' ? (mm * SECTION * density) / 1000 : null, true)
    },

    /** A length of filament in mm, whatever the unit of amounts is. */
    length: (mm: Maybe<number>) => lengthOf(mm),

    /** A weight in g that may be an estimate. */
    weight: (grams: Maybe<number>, isEstimated?: Maybe<boolean>) => weight(grams, isEstimated),

    /** A length at the machine, such as a layer height, in mm. */
    millimetres: (mm: Maybe<number>) =>
      known(mm, (n) => `${new Intl.NumberFormat(locale, { maximumFractionDigits: 3 }).format(n)} mm`),

    /** A mass in g; from 1 kg in kg. */
    mass: (grams: Maybe<number>) => known(grams, mass),

    /** A cost in its currency; a number if that is unknown, or not as ISO 4217 has it. */
    cost: (value: Maybe<number>, currency?: string | null) =>
      known(value, (n) => (currency && /^[A-Z]{3}$/.test(currency) ? new Intl.NumberFormat(locale, { style: 'currency', currency }) : number(2)).format(n)),

    /** A growth: 0.1 is a tenth more. */
    change: (ratio: Maybe<number>) => known(ratio, (n) => growth.format(n)),

    /** A difference, with its sign. */
    signed: (value: Maybe<number>) => known(value, (n) => signed.format(n)),

    /** An amount of data, in bytes. */
    bytes: (value: Maybe<number>) =>
      known(value, (n) => {
        const step = Math.min(UNITS.length - 1, n > 0 ? Math.floor(Math.log10(n) / 3) : 0)
        return `${(step === 0 ? integer : oneDigit).format(n / 1000 ** step)} ${UNITS[step]}`
      }),

    /** A temperature in °C. */
    temperature: (celsius: Maybe<number>) => known(celsius, (c) => `${integer.format(c)} °C`),

    /** A duration in s: its two largest units. */
    duration: (value: Maybe<number>) =>
      known(value, (raw) => {
        const total = Math.max(0, Math.round(raw))
        if (total < MINUTE) return amount(total, 'second')
        if (total < HOUR) return pair(total / MINUTE, 'minute', total % MINUTE, 'second')
        const inMinutes = Math.round(total / MINUTE)
        if (inMinutes < 2 * 24 * 60) return pair(inMinutes / 60, 'hour', inMinutes % 60, 'minute')
        const inHours = Math.round(total / HOUR)
        return pair(inHours / 24, 'day', inHours % 24, 'hour')
      }),

    /** A duration in s without seconds, for displays that should not tick. */
    minutes: (value: Maybe<number>) =>
      known(value, (raw) => {
        const total = Math.ceil(Math.max(0, raw) / MINUTE)
        return total < 60 ? amount(total, 'minute') : pair(total / 60, 'hour', total % 60, 'minute')
      }),

    /** A long duration in s, as hours only: sums are compared in one unit. */
    hours: (value: Maybe<number>) => known(value, (s) => `${amountOf(s < 100 * HOUR ? 1 : 0).format(s / HOUR)} h`),

    /** An instant with its weekday, seconds and zone. */
    exact: (value: Maybe<string>) => instant(value, (date) => exact.format(date)),

    /** An instant, to the minute. */
    dateTime: (value: Maybe<string>) => instant(value, (date) => dateTime.format(date)),

    /** The beginning of a part of a timeline: as exact as the part is long. */
    bucket: (value: Maybe<string>, bucket: string) => instant(value, (date) => (buckets[bucket] ?? dateTime).format(date)),

    /** A day of the calendar, such as `2026-01-31`, whatever the zone. */
    calendarDay: (value: Maybe<string>) => instant(value, (date) => calendarDay.format(date)),

    /** The month of a day of the calendar. */
    month: (value: Maybe<string>) => instant(value, (date) => shortMonth.format(date)),

    /** The days of a week, Monday first. */
    weekdays: () => Array.from({ length: 7 }, (_, index) => weekday.format(new Date(Date.UTC(2024, 0, 1 + index)))),

    /** The days from one instant up to another, which is not part of them. */
    dayRange: (from: Date, until: Date) => days.formatRange(from, new Date(until.getTime() - 1)),

    /** The day of an instant. */
    date: (value: Maybe<string>) => instant(value, (date) => day.format(date)),

    /** The time of day of an instant. */
    time: (value: Maybe<string>) => instant(value, (date) => clock.format(date)),

    /** An instant close to `now`: the time alone if it is on the same day, with the weekday in the week around it. */
    nearby: (value: Maybe<string>, now: Date) =>
      instant(value, (date) => {
        if (dayKey.format(date) === dayKey.format(now)) return clock.format(date)
        return Math.abs(date.getTime() - now.getTime()) < 6 * DAY * 1000 ? weekdayClock.format(date) : dateTime.format(date)
      }),

    /** How long ago an instant is; beyond 24 hours its date and time. */
    recent: (value: Maybe<string>, now: Date) =>
      instant(value, (date) => {
        const ahead = (date.getTime() - now.getTime()) / 1000
        if (Math.abs(ahead) < 24 * HOUR) return relativeNear(ahead)
        return short(date, now)
      }),

    /** Date and time of an instant, without the year while it is the current one. */
    short: (value: Maybe<string>, now: Date) => instant(value, (date) => short(date, now)),

    /** How long ago or ahead an instant is; after 30 days its date. */
    relative: (value: Maybe<string>, now: Date) =>
      instant(value, (date) => {
        const ahead = (date.getTime() - now.getTime()) / 1000
        const size = Math.abs(ahead)
        if (size < 22 * HOUR) return relativeNear(ahead)
        if (size < 30 * DAY) return relativeTime.format(Math.round(ahead / DAY), 'day')
        return day.format(date)
      }),
  }
}

export type Format = ReturnType<typeof createFormat>
