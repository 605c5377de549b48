/** The printers, and what can be done with them. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed } from 'vue'
import { body, client } from '@/api/client'
import type { components } from '@/api/schema'

export type Printer = components['schemas']['Printer']
export type PrinterInput = components['schemas']['PrinterInput']
export type DiscoveredPrinter = components['schemas']['DiscoveredPrinter']
export type PrinterTest = components['schemas']['PrinterTest']

/** Printer 9 stands before Printer 10. */
const { compare } = new Intl.Collator(undefined, { numeric: true })

/** All printers, by name. */
export function usePrinters() {
  const query = useQuery({
    queryKey: ['printers'],
    queryFn: async ({ signal }) => (await body(client.GET('/api/printers', { signal }))).items,
  })
  return { ...query, printers: computed(() => (query.data.value ?? []).toSorted((a, b) => compare(a.name, b.name))) }
}

/** Adds a printer, or with its `id`, changes it. */
export function useSavePrinter() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ id, input }: { id: number | null; input: PrinterInput }) =>
      id === null
        ? body(client.POST('/api/printers', { body: input }))
        : body(client.PUT('/api/printers/{id}', { params: { path: { id } }, body: input })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['printers'] }),
  })
}

export function useDeletePrinter() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ id, deleteJobs }: { id: number; deleteJobs: boolean }) =>
      client.DELETE('/api/printers/{id}', { params: { path: { id }, query: { delete_jobs: deleteJobs } } }),
    onSuccess: () => queries.invalidateQueries(),
  })
}

/** Looks for two seconds for those that tell of themselves. */
export async function discoverPrinters(): Promise<DiscoveredPrinter[]> {
  return (await body(client.GET('/api/printers/discover'))).items
}

/** Tries an address and a key; a printer that cannot be reached is an answer, not an error. */
export function testPrinter(address: string, key: string | null): Promise<PrinterTest> {
  return body(
    client.POST('/api/printers/test', { body: { moonraker_url: address, ...(key && { moonraker_api_key: key }) } }),
  )
}
