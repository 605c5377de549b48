/** The figures of a period and of the one that they are compared with. */
import { useLocalStorage } from '@vueuse/core'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { basePeriod, BASES, type Base } from '@/model/comparison'
import type { JobFilter } from '@/model/jobFilter'
import { useAnalytics } from './useAnalytics'
import { useNow } from './useNow'
import { useTimeZone } from './useTimeZone'

/** The base moves with the clock in steps of ten minutes: each step is a request. */
const STEP = 600_000

export function useComparison(filter: MaybeRefOrGetter<JobFilter>) {
  const stored = useLocalStorage<Base>('printlog.comparison', 'previous', { writeDefaults: false, onError: () => {} })
  const base = computed<Base>({
    get: () => BASES.find((name) => name === stored.value) ?? 'previous',
    set: (next) => {
      stored.value = next
    },
  })
  const { zone } = useTimeZone()
  const clock = useNow()
  const now = computed(() => new Date(Math.floor(clock.value.getTime() / STEP) * STEP))
  const period = computed(() => {
    const { from, to } = toValue(filter)
    return from === null ? null : basePeriod(base.value, from, to, now.value, zone.value)
  })
  const query = useAnalytics('summary', filter)
  const before = useAnalytics('summary', () => ({ ...toValue(filter), from: null, to: null }), (): Record<string, string> =>
    period.value === null ? {} : { since: period.value.since.toISOString(), until: period.value.until.toISOString() },
    () => period.value !== null,
  )
  return { ...query, base, period, before: computed(() => (period.value === null ? undefined : before.data.value)) }
}
