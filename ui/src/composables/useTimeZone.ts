/**
 * The time zone of days and times: the chosen one or the browser's, and the server's where the server does not know that,
 * so that a page and the analytics on it mean the same days.
 */
import { computed, shallowRef, watch, type Ref } from 'vue'
import { body, client } from '@/api/client'
import { isTimeZone, usePreferences } from './usePreferences'

/** Some browsers have none, or say `Etc/Unknown`. */
export const browserZone: string = new Intl.DateTimeFormat().resolvedOptions().timeZone ?? 'Etc/Unknown'

const preferences = usePreferences()
const wanted = computed(() => preferences.timeZone ?? browserZone)
/** What the server says of a zone. */
const answer = shallowRef<{ wanted: string; replacement: string | null } | null>(null)
const isChecked = computed(() => answer.value?.wanted === wanted.value)
const replacement = computed(() => (isChecked.value ? (answer.value?.replacement ?? null) : null))

export function useTimeZone() {
  return {
    /** For the formats and the days of this page. `null` for the browser's own. */
    zone: computed(() => (replacement.value !== null && isTimeZone(replacement.value) ? replacement.value : preferences.timeZone)),
    /** For requests. `null` until the server was asked. */
    requested: computed(() => (isChecked.value ? (replacement.value ?? wanted.value) : null)),
    /** The zone that the server does not know, and the one in its place. */
    unknown: computed(() => (replacement.value === null ? null : { wanted: wanted.value, zone: replacement.value })),
  }
}

/** Asks the server of the zone while a user is signed in. */
export function runTimeZone(isSignedIn: Ref<boolean>) {
  watch(
    [isSignedIn, wanted],
    async ([signedIn, tz]) => {
      if (!signedIn) return
      // Without an answer the zone is used; what is wrong with it, the requests say.
      const system = await body(client.GET('/api/system', { params: { query: { tz } } })).catch(() => null)
      answer.value = { wanted: tz, replacement: system?.tz_is_known === false ? system.timezone : null }
    },
    { immediate: true },
  )
}
