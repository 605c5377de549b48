/** The values that jobs have, with counts, for the choices of a filter. */
import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { body, client } from '@/api/client'
import { filterToParameters, type JobFilter } from '@/model/jobFilter'
import { useTimeZone } from './useTimeZone'

export function useFacets(filter: MaybeRefOrGetter<JobFilter>) {
  const { zone } = useTimeZone()
  const parameters = computed(() => filterToParameters(toValue(filter), zone.value))
  return useQuery({
    queryKey: ['jobs', 'facets', parameters],
    queryFn: ({ signal }) => body(client.GET('/api/jobs/facets', { params: { query: parameters.value }, signal })),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  })
}
