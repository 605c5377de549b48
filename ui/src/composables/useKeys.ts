/** API keys: who may use the server. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed } from 'vue'
import { body, client } from '@/api/client'
import type { components } from '@/api/schema'

export type ApiKey = components['schemas']['ApiKey']
export type NewApiKey = components['schemas']['NewApiKey']

export function useKeys() {
  const query = useQuery({
    queryKey: ['keys'],
    queryFn: async ({ signal }) => (await body(client.GET('/api/admin/keys', { signal }))).items,
  })
  return { ...query, keys: computed(() => query.data.value ?? []) }
}

export function useCreateKey() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (key: NewApiKey) => body(client.POST('/api/admin/keys', { body: key })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['keys'] }),
  })
}

export function useRevokeKey() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (id: number) => client.DELETE('/api/admin/keys/{id}', { params: { path: { id } } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['keys'] }),
  })
}
