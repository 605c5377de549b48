/** How the server is. It says so even when it is not well. */
import { useQuery } from '@tanstack/vue-query'
import { BASE_URL } from '@/api/client'
import type { components } from '@/api/schema'
import { useServerText } from './useServerText'

export type Health = components['schemas']['Health']

/** Its parts, such as the database, each with what is wrong with it. */
export function partsOf(health: Health | undefined) {
  return Object.entries(health ?? {}).flatMap(([name, part]) =>
    typeof part === 'object' && part !== null && 'reason' in part ? [{ name, ...part }] : [],
  )
}

/** What is wrong with a part, in the reader's language. Empty if nothing is. */
export function usePartText() {
  const serverText = useServerText()
  return ({ reason, troubles }: Pick<ReturnType<typeof partsOf>[number], 'reason' | 'troubles'>): string => {
    // A message that this dashboard does not know: the server's text has all of them.
    const texts = (troubles ?? []).map(({ code, params }) => serverText(`health.troubles.${code}`, params, ''))
    return texts.length === 0 || texts.includes('') ? (reason ?? '') : texts.join(' ')
  }
}

export function useHealth() {
  return useQuery({
    queryKey: ['health'],
    // 503 is an answer here, so this does not go through the client, which throws.
    queryFn: async ({ signal }) => (await (await fetch(`${BASE_URL}/health`, { signal })).json()) as Health,
    refetchInterval: 15_000,
  })
}
