/** What the server is and what it keeps. */
import { useQuery } from '@tanstack/vue-query'
import { body, client } from '@/api/client'

export function useSystem() {
  return useQuery({
    queryKey: ['system'],
    queryFn: ({ signal }) => body(client.GET('/api/system', { signal })),
    refetchInterval: 60_000,
  })
}
