/** The formatter for the language, zone and units of the reader. */
import { computed } from 'vue'
import { createFormat } from '@/model/format'
import { usePreferences } from './usePreferences'
import { useTimeZone } from './useTimeZone'

const { zone } = useTimeZone()
const format = computed(() => {
  const { locale, length, density } = usePreferences()
  return createFormat({ locale: regional(locale), timeZone: zone.value ?? undefined, length, density })
})

export function useFormat() {
  return format
}

/** The browser's own variant of the language, such as `en-GB` with its order of day and month. */
function regional(locale: string) {
  return navigator.languages.find((language) => language.split('-')[0] === locale) ?? locale
}
