import { describe, expect, it } from 'vitest'
import { createFormat, UNKNOWN } from './format'

const english = createFormat({ locale: 'en', timeZone: 'America/New_York', length: 'm' })
const german = createFormat({ locale: 'de', timeZone: 'Europe/Berlin', length: 'mm' })
/** Intl separates with no-break and narrow blanks; which ones is not our subject. */
const plain = (text: string) => text.replaceAll(/[\u00A0\u202F\u2009]/g, ' ')

describe('format', () => {
  it('shows a dash for what is unknown, and 0 for 0', () => {
    for (const show of [english.count, english.filament, english.duration, english.temperature, english.mass]) {
      expect(show(null)).toBe(UNKNOWN)
      expect(show(undefined)).toBe(UNKNOWN)
      expect(show(0)).toMatch(/^0/)
    }
    expect(english.dateTime(null)).toBe(UNKNOWN)
    expect(english.dateTime('yesterday')).toBe(UNKNOWN)
  })

  it('shows durations in their two largest units and never as 60 of one', () => {
    const table: [number, string][] = [
      [0, '0s'], [59.4, '59s'], [59.6, '1m'], [3599, '59m 59s'], [3600, '1h'], [3600 + 59 * 60 + 40, '2h'],
      [5 * 3600 + 61, '5h 1m'], [47 * 3600 + 59 * 60, '47h 59m'], [48 * 3600, '2d'], [100 * 3600, '4d 4h'],
    ]
    for (const [seconds, text] of table) expect(plain(english.duration(seconds)), String(seconds)).toBe(text)
    expect(plain(german.duration(5 * 3600 + 61))).toBe('5 h 1 min')
  })

  it('shows filament in the unit that was chosen', () => {
    expect(plain(english.filament(12_345))).toBe('12.35 m')
    expect(plain(english.filament(123_456_789))).toBe('123,457 m')
    expect(plain(german.filament(12_345))).toBe('12.345 mm')
    const grams = createFormat({ locale: 'en', length: 'g', density: 1.24 })
    expect(plain(grams.filament(1_000))).toBe('≈ 3 g')
    expect(plain(grams.filament(1_000, 4, false))).toBe('4 g')
    expect(plain(grams.filament(1_000, 4, true))).toBe('≈ 4 g')
    expect(plain(english.filament(12_345, 4, true))).toBe('12.35 m')
    expect(plain(grams.length(12_345))).toBe('12.35 m')
  })

  it('shows amounts of data in the unit that suits', () => {
    expect(english.bytes(999)).toBe('999 B')
    expect(english.bytes(237_080_576)).toBe('237.1 MB')
  })

  it('shows costs in their currency, and as numbers if it is unknown', () => {
    expect(english.cost(1.5)).toBe('1.50')
    expect(english.cost(1.5, 'Euro')).toBe('1.50')
    expect(plain(german.cost(1.5, 'EUR'))).toBe('1,50 €')
  })

  it('does not call complete what is not', () => {
    expect(plain(english.percent(0.9999))).toBe('99.9%')
    expect(plain(english.percent(1))).toBe('100%')
    expect(plain(german.percent(0.5))).toBe('50 %')
  })

  it('shows instants in the chosen zone, whatever zone the machine has', () => {
    // 23:30 on the 30th in New York is already the 31st in Berlin.
    const instant = '2026-01-31T04:30:00.000Z'
    expect(plain(english.date(instant))).toBe('Jan 30, 2026')
    expect(plain(german.date(instant))).toBe('31.01.2026')
  })

  it('says the same relative time in every zone', () => {
    const now = new Date('2026-03-29T12:00:00Z')
    const tokyo = createFormat({ locale: 'en', timeZone: 'Asia/Tokyo', length: 'm' })
    for (const format of [english, tokyo]) {
      expect(format.relative('2026-03-29T03:00:00Z', now)).toBe('9 hours ago')
      expect(format.relative('2026-03-29T12:05:00Z', now)).toBe('in 5 minutes')
      expect(format.relative('2026-03-29T11:59:50Z', now)).toBe('now')
    }
    expect(german.relative('2026-03-28T12:00:00Z', now)).toBe('gestern')
    expect(plain(english.relative('2025-12-29T12:00:00Z', now))).toBe('Dec 29, 2025')
  })

  it('names the day of a nearby instant only when it is another one', () => {
    const now = new Date('2026-01-30T20:00:00Z')
    expect(plain(english.nearby('2026-01-31T03:30:00Z', now))).toBe('10:30 PM')
    expect(plain(english.nearby('2026-01-31T20:00:00Z', now))).toBe('Sat 3:00 PM')
  })

  it('moves to kg at 1000 g', () => {
    expect(plain(english.mass(999.94))).toBe('999.9 g')
    expect(plain(german.mass(1234))).toBe('1,23 kg')
  })
})
