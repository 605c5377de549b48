/** The choices of a filter with the number of jobs of each; chosen values stay among them. */
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { useI18n } from 'vue-i18n'
import { isStatus, isVerdict, STATUSES, VERDICTS, type JobFilter } from '@/model/jobFilter'
import { useCause } from './useCause'
import { useFacets } from './useFacets'
import { usePrinters } from './usePrinters'
import { useReasonText } from './useReasonText'
import { useUserName } from './useUserName'

interface ValueFacet {
  value: string | null
  jobs: number
}

export function useFilterOptions(filter: MaybeRefOrGetter<JobFilter>) {
  const { t } = useI18n()
  const causeOf = useCause()
  const userName = useUserName()
  const reasonText = useReasonText()
  const { printers } = usePrinters()
  const { data } = useFacets(filter)

  const unknown = (value: string) => value || t('analytics.unknown')
  /** Values differ in case only by accident: a chosen one replaces its other spelling. */
  function optionsOf(facets: readonly ValueFacet[], chosen: readonly string[], nameOf: (value: string) => string, depth = 0) {
    const isSame = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
    const listed = facets.map(({ value, jobs }) => ({ value: chosen.find((one) => isSame(one, value ?? '')) ?? value ?? '', jobs }))
    const missing = chosen.filter((one) => !listed.some(({ value }) => value === one)).map((value) => ({ value, jobs: null }))
    return [...listed, ...missing].map(({ value, jobs }) => ({ value, jobs, label: nameOf(value), depth }))
  }
  const jobsOf = (count: number | undefined) => (data.value === undefined ? null : (count ?? 0))
  const now = computed(() => toValue(filter))

  const statuses = computed(() => {
    const facets = data.value?.statuses ?? []
    const failedFirst = STATUSES.toSorted((a, b) => Number(isFailed(b)) - Number(isFailed(a)))
    return failedFirst.map((status) => {
      const facet = facets.find((one) => one.status === status)
      const causes = (facet?.causes ?? []).filter(({ value }) => value !== null && value !== status)
      return {
        value: status,
        label: t(`status.${status}`),
        jobs: jobsOf(facet?.jobs),
        depth: isFailed(status) ? 1 : 0,
        causes: optionsOf(causes, [], (value) => causeOf(value), isFailed(status) ? 2 : 1),
      }
    })
  })
  return {
    statuses,
    causes: computed(() => optionsOf([], now.value.causes, (value) => (value === '' ? unknown(value) : causeOf(value)))),
    printers: computed(() =>
      printers.value.map(({ id, name }) => ({ value: id, label: name, jobs: jobsOf(data.value?.printers.find((one) => one.printer_id === id)?.jobs) })),
    ),
    materials: computed(() => optionsOf(data.value?.materials ?? [], now.value.materials, unknown)),
    slicers: computed(() => optionsOf(data.value?.slicers ?? [], now.value.slicers, unknown)),
    users: computed(() => optionsOf(data.value?.users ?? [], now.value.users, (value) => (value === '' ? unknown(value) : userName(value)))),
    tags: computed(() => optionsOf((data.value?.tags ?? []).filter(({ value }) => value !== null), now.value.tags, (value) => value)),
    verdicts: computed(() =>
      VERDICTS.map((verdict) => ({ value: verdict, label: t(`verdict.${verdict}`), jobs: jobsOf(data.value?.verdicts.find((one) => one.verdict === verdict)?.jobs) })),
    ),
    reasons: computed(() => {
      const facets = new Map<string, number>()
      const keys = new Map<string, string | null>()
      for (const { verdict, reasons } of data.value?.verdicts ?? []) {
        if (verdict === null || !isVerdict(verdict)) continue
        for (const { value, key, jobs } of reasons) {
          if (value === null) continue
          facets.set(value, (facets.get(value) ?? 0) + jobs)
          keys.set(value, key)
        }
      }
      return optionsOf([...facets].map(([value, jobs]) => ({ value, jobs })), now.value.reasons, (value) => (value === '' ? unknown(value) : reasonText(value, keys.get(value))), 1)
    }),
  }
}

function isFailed(status: string): boolean {
  return isStatus(status) && (status === 'error' || status === 'interrupted')
}
