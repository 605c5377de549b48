/** Figures over many jobs, from `/api/analytics`. */
import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { BASE_URL, request } from '@/api/client'
import type { components } from '@/api/schema'
import { filterToParameters, type JobFilter } from '@/model/jobFilter'
import { useTimeZone } from './useTimeZone'

type Schemas = components['schemas']

interface Answers {
  estimates: Schemas['EstimateAnalytics']
  failures: Schemas['FailureAnalytics']
  filament: Schemas['FilamentAnalytics']
  files: Schemas['FileAnalytics']
  heatmap: Schemas['Heatmap']
  printers: Schemas['PrinterComparison']
  summary: Schemas['AnalyticsSummary']
  timeline: Schemas['Timeline']
  verdicts: Schemas['VerdictAnalytics']
}
export type AnalyticsName = keyof Answers
export type Analytics<Name extends AnalyticsName> = Answers[Name]
export type Figures = Schemas['Figures']

/** The address of figures, or of their export. */
export function analyticsAddress(name: AnalyticsName | 'export', filter: JobFilter, timeZone: string | null, more: Record<string, string>) {
  const query = new URLSearchParams(more)
  for (const [key, value] of Object.entries(filterToParameters(filter, timeZone))) {
    for (const one of [value].flat()) query.append(key, String(one))
  }
  return `${BASE_URL}/api/analytics/${name}?${query}`
}

/** The answer of a route, and where the same numbers are as CSV. */
export function useAnalytics<Name extends keyof Answers>(
  name: Name,
  filter: MaybeRefOrGetter<JobFilter>,
  more: MaybeRefOrGetter<Record<string, string>> = {},
  isWanted: MaybeRefOrGetter<boolean> = true,
) {
  const { zone, requested } = useTimeZone()
  const address = computed(() => analyticsAddress(name, toValue(filter), zone.value, { ...toValue(more), tz: requested.value ?? '' }))
  const query = useQuery({
    queryKey: ['analytics', address],
    queryFn: async ({ signal }) => (await (await request(address.value, { signal })).json()) as Answers[Name],
    enabled: () => requested.value !== null && toValue(isWanted),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  })
  return { ...query, csv: computed(() => `${address.value}&format=csv`) }
}
