/** What users add to jobs: title, notes, tags and rating, with their history. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { body, client } from '@/api/client'
import type { components } from '@/api/schema'

export type JobPatch = components['schemas']['JobPatch']
export type JobChange = components['schemas']['JobChange']

export function useVerdictReasons() {
  const query = useQuery({
    queryKey: ['reasons'],
    queryFn: async ({ signal }) => (await body(client.GET('/api/verdict-reasons', { signal }))).items,
  })
  return { ...query, reasons: computed(() => query.data.value ?? []) }
}

export function useTags() {
  const query = useQuery({
    queryKey: ['jobs', 'tags'],
    queryFn: async ({ signal }) => (await body(client.GET('/api/tags', { signal }))).items,
  })
  return { ...query, tags: computed(() => (query.data.value ?? []).map(({ tag }) => tag)) }
}

/** The change history of a job, newest first. */
export function useJobChanges(id: MaybeRefOrGetter<number>) {
  const query = useQuery({
    queryKey: ['jobs', 'changes', computed(() => toValue(id))],
    queryFn: async ({ signal }) => (await body(client.GET('/api/jobs/{id}/changes', { params: { path: { id: toValue(id) } }, signal }))).items,
  })
  return { ...query, changes: computed(() => query.data.value ?? []) }
}

export function useChangeJob() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ id, patch }: { id: number; patch: JobPatch }) => body(client.PATCH('/api/jobs/{id}', { params: { path: { id } }, body: patch })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['jobs'] }),
  })
}

export function useAddReason() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (name: string) => body(client.POST('/api/verdict-reasons', { body: { name } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['reasons'] }),
  })
}

export function useRemoveReason() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (id: number) => client.DELETE('/api/verdict-reasons/{id}', { params: { path: { id } } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['reasons'] }),
  })
}
