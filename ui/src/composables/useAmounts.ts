/** Sums over jobs as text: too low while some jobs are missing, and marked where they contain estimates. */
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import type { components } from '@/api/schema'
import { useFormat } from './useFormat'

type Maybe<T> = T | null | undefined

export function useAmounts() {
  const { t } = useI18n()
  const format = useFormat()
  return computed(() => {
    const f = format.value
    /** A sum without the amounts of `missing` jobs. */
    const atLeast = (text: string, isKnown: boolean, missing: number) => (isKnown && missing > 0 ? t('analytics.atLeast', { value: text }) : text)
    return {
      atLeast,
      /** Of `grams`, `estimated` are computed with the usual density of the material. */
      weight: (grams: Maybe<number>, estimated: Maybe<number>, missing: number) => atLeast(f.weight(grams, (estimated ?? 0) > 0), Boolean(grams), missing),
      /** Amounts in different currencies have no sum. */
      cost: (amounts: readonly components['schemas']['Cost'][], missing: number) =>
        amounts.length === 0 ? f.cost(null) : atLeast(amounts.map(({ amount, currency }) => f.cost(amount, currency)).join(' + '), true, missing),
    }
  })
}
