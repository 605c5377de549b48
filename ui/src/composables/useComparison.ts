/** The figures of a period, and with a first day those of the period that they are compared with. */
import { useLocalStorage } from '@vueuse/core'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { BASES, type Base } from '@/model/comparison'
import type { JobFilter } from '@/model/jobFilter'
import { useAnalytics } from './useAnalytics'

/** What periods are compared with, as this browser chose. */
export function useComparisonBase() {
  const stored = useLocalStorage<Base>('printlog.comparison', 'previous', { writeDefaults: false, onError: () => {} })
  return computed<Base>({
    get: () => BASES.find((name) => name === stored.value) ?? 'previous',
    set: (next) => {
      stored.value = next
    },
  })
}

export function useComparison(filter: MaybeRefOrGetter<JobFilter>) {
  const base = useComparisonBase()
  return { ...useAnalytics('summary', filter, () => ({ compare: base.value })), base, hasBase: computed(() => toValue(filter).from !== null) }
}
