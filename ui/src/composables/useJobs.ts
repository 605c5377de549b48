/** Jobs from the server: lists, and one. */
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, shallowRef, toValue, watch, type MaybeRefOrGetter } from 'vue'
import { body, client } from '@/api/client'
import type { components } from '@/api/schema'
import { filterToParameters, type JobFilter, type JobSort } from '@/model/jobFilter'
import { refetchesItself, useLive } from './useLive'
import { useTimeZone } from './useTimeZone'

export type Job = components['schemas']['JobItem']
export type JobWithDetails = components['schemas']['JobWithDetails']
export type JobDetails = components['schemas']['JobDetails']

const PAGE = 50

/** Jobs that match the filter, page after page. Keeps the old ones while the new ones load. */
export function useJobPages(filter: MaybeRefOrGetter<JobFilter>, sort: MaybeRefOrGetter<JobSort>) {
  const queries = useQueryClient()
  const { zone } = useTimeZone()
  const parameters = computed(() => ({
    ...filterToParameters(toValue(filter), zone.value),
    ...(toValue(sort) !== 'newest' && { sort: toValue(sort) }),
  }))
  const query = useInfiniteQuery({
    queryKey: ['jobs', 'pages', parameters],
    queryFn: ({ pageParam, signal }) =>
      body(
        client.GET('/api/jobs', {
          params: { query: { ...parameters.value, limit: PAGE, ...(pageParam && { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  })
  /** Jobs have changed, and the list is too long to refetch without a request. */
  const isBehind = shallowRef(false)
  watch(useLive().jobChanges, () => {
    isBehind.value = !refetchesItself(query.data.value)
  })
  watch(parameters, () => {
    isBehind.value = false
  })
  return {
    ...query,
    jobs: computed(() => query.data.value?.pages.flatMap((page) => page.items) ?? []),
    total: computed(() => query.data.value?.pages[0]?.total ?? null),
    isBehind,
    /** Refetches the list from its first page. */
    restart: async () => {
      isBehind.value = false
      await queries.resetQueries({ queryKey: ['jobs', 'pages', parameters.value], exact: true })
    },
  }
}

/** The first `limit` jobs that match. */
export function useJobs(filter: MaybeRefOrGetter<JobFilter>, limit: number) {
  const { zone } = useTimeZone()
  const parameters = computed(() => ({ ...filterToParameters(toValue(filter), zone.value), limit }))
  const query = useQuery({
    queryKey: ['jobs', 'first', parameters],
    queryFn: ({ signal }) => body(client.GET('/api/jobs', { params: { query: parameters.value }, signal })),
    placeholderData: keepPreviousData,
  })
  return {
    ...query,
    jobs: computed(() => query.data.value?.items ?? []),
    total: computed(() => query.data.value?.total ?? null),
  }
}

export function useJob(id: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: ['jobs', 'one', computed(() => toValue(id))],
    queryFn: ({ signal }) => body(client.GET('/api/jobs/{id}', { params: { path: { id: toValue(id) } }, signal })),
  })
}

/** All keys and values of the slicer. Big, so only asked for when they are looked at. `null`: nothing is known. */
export function useRawSettings(id: MaybeRefOrGetter<number>, isWanted: MaybeRefOrGetter<boolean>) {
  return useQuery({
    queryKey: ['jobs', 'raw', computed(() => toValue(id))],
    queryFn: async ({ signal }): Promise<unknown> => {
      const params = { path: { id: toValue(id) }, query: { raw: true } }
      return (await body(client.GET('/api/jobs/{id}/details', { params, signal }))).raw_metadata
    },
    enabled: computed(() => toValue(isWanted)),
    staleTime: Infinity,
  })
}

/** Has the server read a job's file again, as soon as it can. */
export function useRefreshDetails() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (id: number) => client.POST('/api/jobs/{id}/details/refresh', { params: { path: { id } } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['jobs'] }),
  })
}
