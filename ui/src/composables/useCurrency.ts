/** The currency of costs that come without one. */
import { computed } from 'vue'
import { usePreferences } from './usePreferences'
import { useSystem } from './useSystem'

export function useCurrency() {
  const preferences = usePreferences()
  const { data: system } = useSystem()
  const currency = computed({
    get: () => system.value?.currency ?? preferences.currency,
    set: (code) => {
      preferences.currency = code
    },
  })
  /** All that the browser knows, with their names. */
  const currencies = computed(() => {
    const names = new Intl.DisplayNames(preferences.locale, { type: 'currency' })
    return Intl.supportedValuesOf('currency').map((code) => ({ code, name: names.of(code) ?? code }))
  })
  return {
    currency,
    currencies,
    /** The configuration decides, and takes precedence. */
    isConfigured: computed(() => Boolean(system.value?.currency)),
    /** Nothing says what costs without a currency are in. */
    isUnknown: computed(() => system.value !== undefined && currency.value === null),
  }
}
