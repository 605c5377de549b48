import { describe, expect, it } from 'vitest'
import { isTimeZone, parsePreferences, preferredLocale } from './usePreferences'

describe('preferences', () => {
  it('take the first language there is a catalogue of', () => {
    expect(preferredLocale(['fr-FR', 'de-AT', 'en-GB'])).toBe('de')
    expect(preferredLocale(['fr'])).toBe('en')
    expect(preferredLocale([])).toBe('en')
  })

  it('survive whatever is in the storage', () => {
    for (const text of [null, '', 'x', '5', 'null', '[]', '{"theme": 5, "locale": "xx", "timeZone": "Mars/Olympus", "density": -1}']) {
      expect(parsePreferences(text, ['en']), String(text)).toEqual({
        locale: 'en', theme: 'system', timeZone: null, length: 'm', density: 1.24, hiddenColumns: ['ended', 'cause', 'totalTime', 'weight', 'cost', 'layerHeight', 'slicer', 'tags', 'user'],
      })
    }
  })

  it('come back as they were', () => {
    const chosen = {
      locale: 'de', theme: 'dark', timeZone: 'Asia/Tokyo', length: 'g', density: 1.04, hiddenColumns: [],
    } as const
    expect(parsePreferences(JSON.stringify(chosen), ['en'])).toEqual(chosen)
  })

  it('know a time zone when they see one', () => {
    expect(isTimeZone('Europe/Berlin')).toBe(true)
    expect(isTimeZone('Berlin')).toBe(false)
  })
})
