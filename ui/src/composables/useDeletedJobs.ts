/** Deleted jobs that can be restored, page after page. */
import { useInfiniteQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { body, client } from '@/api/client'
import type { components } from '@/api/schema'

export type DeletedJob = components['schemas']['DeletedJob']

export function useDeletedJobs() {
  const query = useInfiniteQuery({
    queryKey: ['jobs', 'deleted'],
    queryFn: ({ pageParam, signal }) => body(client.GET('/api/jobs/deleted', { params: { query: pageParam ? { cursor: pageParam } : {} }, signal })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  })
  return { ...query, jobs: computed(() => query.data.value?.pages.flatMap((page) => page.items) ?? []) }
}
