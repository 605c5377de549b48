/** How the server is. It says so even when it is not well. */
import { useQuery } from '@tanstack/vue-query'
import { BASE_URL } from '@/api/client'
import type { components } from '@/api/schema'

export type Health = components['schemas']['Health']

/** Its parts, such as the database, each with what is wrong with it. */
export function partsOf(health: Health | undefined) {
  return Object.entries(health ?? {}).flatMap(([name, part]) =>
    typeof part === 'object' && part !== null && 'reason' in part ? [{ name, status: part.status, reason: part.reason }] : [],
  )
}

export function useHealth() {
  return useQuery({
    queryKey: ['health'],
    // 503 is an answer here, so this does not go through the client, which throws.
    queryFn: async ({ signal }) => (await (await fetch(`${BASE_URL}/health`, { signal })).json()) as Health,
    refetchInterval: 15_000,
  })
}
