/** Texts in the reader's language. English is there at once; other catalogues are loaded when they are wanted. */
import { nextTick, watch } from 'vue'
import { createI18n } from 'vue-i18n'
import { usePreferences, type Locale } from './composables/usePreferences'
import en from './locales/en.json'

type Catalogue = typeof en

const load: Record<Exclude<Locale, 'en'>, () => Promise<{ default: unknown }>> = {
  de: () => import('./locales/de.json'),
}

export const i18n = createI18n<[Catalogue], Locale, false>({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messages: { en } as never,
})

async function use(locale: Locale) {
  if (locale !== 'en' && !i18n.global.availableLocales.includes(locale)) {
    i18n.global.setLocaleMessage(locale, (await load[locale]()).default as never)
  }
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
  await nextTick()
}

/** Takes the reader's language, now and whenever another is chosen. */
export async function startTranslation() {
  const preferences = usePreferences()
  watch(() => preferences.locale, (locale) => void use(locale))
  await use(preferences.locale)
}
