/** The server's database, uptime and queue of files to read. */
import { useQuery } from '@tanstack/vue-query'
import { body, client } from '@/api/client'

export function useSystem() {
  return useQuery({
    queryKey: ['system'],
    queryFn: ({ signal }) => body(client.GET('/api/system', { signal })),
    // While files are being read, their number changes by the second.
    refetchInterval: ({ state }) => (state.data && state.data.details.pending > 0 ? 5_000 : 60_000),
  })
}
