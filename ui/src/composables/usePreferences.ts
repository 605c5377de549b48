/** What the reader chose for this browser: language, theme, time zone, units. Kept in localStorage. */
import { toReactive, useLocalStorage } from '@vueuse/core'
import { watch, type Ref } from 'vue'
import { USUAL_DENSITY, type LengthUnit } from '@/model/format'

export const LOCALES = ['en', 'de'] as const
export type Locale = (typeof LOCALES)[number]
export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

export const LENGTHS = ['m', 'mm', 'g'] as const satisfies readonly LengthUnit[]
/** What a density may be, in g/cm³. */
export const DENSITIES = { min: 0.2, max: 10 }

export interface Preferences {
  locale: Locale
  theme: Theme
  /** IANA name. `null`: the browser's. */
  timeZone: string | null
  length: LengthUnit
  /** g/cm³ of filament of which no file says it. */
  density: number
  /** Columns of the table of jobs that were hidden. */
  hiddenColumns: string[]
}

const KEY = 'printlog.preferences'

/** The first language of the browser that there is a catalogue of. */
export function preferredLocale(languages: readonly string[]): Locale {
  for (const language of languages) {
    const known = LOCALES.find((locale) => language.toLowerCase().split('-')[0] === locale)
    if (known) return known
  }
  return 'en'
}

/** Reads what was stored, and takes the default for what is missing or makes no sense. */
export function parsePreferences(text: string | null, languages: readonly string[]): Preferences {
  let stored: Record<string, unknown> = {}
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    if (value !== null && typeof value === 'object') stored = value as Record<string, unknown>
  } catch {
    // Not written by this application: the defaults apply.
  }
  return {
    locale: LOCALES.find((locale) => locale === stored.locale) ?? preferredLocale(languages),
    theme: THEMES.find((theme) => theme === stored.theme) ?? 'system',
    timeZone: typeof stored.timeZone === 'string' && isTimeZone(stored.timeZone) ? stored.timeZone : null,
    length: LENGTHS.find((length) => length === stored.length) ?? 'm',
    density: isDensity(stored.density) ? stored.density : USUAL_DENSITY,
    hiddenColumns: Array.isArray(stored.hiddenColumns)
      ? stored.hiddenColumns.filter((name): name is string => typeof name === 'string')
      : ['ended', 'cause', 'totalTime', 'weight', 'cost', 'layerHeight', 'slicer', 'tags', 'user'],
  }
}

export function isDensity(value: unknown): value is number {
  return typeof value === 'number' && value >= DENSITIES.min && value <= DENSITIES.max
}

export function isTimeZone(name: string) {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name }).format()
    return true
  } catch {
    return false
  }
}

/** Where storage is forbidden, choices last until the page is closed. */
const stored = useLocalStorage<Preferences>(KEY, parsePreferences(null, navigator.languages), {
  writeDefaults: false,
  onError: () => {},
  serializer: { read: (text) => parsePreferences(text, navigator.languages), write: JSON.stringify },
})
const preferences = toReactive<Preferences>(stored as Ref<Preferences>)

watch(
  () => preferences.theme,
  (theme) => {
    if (theme === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
  },
  { immediate: true },
)

export function usePreferences(): Preferences {
  return preferences
}
