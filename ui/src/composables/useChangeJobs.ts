/** Changes of many jobs at once, and what became of them. */
import { useMutation, useQueryClient } from '@tanstack/vue-query'
import { useI18n } from 'vue-i18n'
import { body, client } from '@/api/client'
import type { components } from '@/api/schema'
import { useFormat } from './useFormat'
import { useProblemText } from './useProblemText'
import { useSystem } from './useSystem'
import { useToasts } from './useToasts'

type BulkChange = components['schemas']['JobBulkChange']
type WithoutIds<Change> = Change extends unknown ? Omit<Change, 'ids'> : never
/** What to do with the jobs. */
export type JobsChange = WithoutIds<BulkChange>
export type BulkResult = components['schemas']['JobBulkResult']
export type UnchangedJob = BulkResult['unchanged'][number]

/** Jobs of one request, as the server limits them. */
const AT_ONCE = 1000

export function useChangeJobs() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: async ({ ids, change }: { ids: readonly number[]; change: JobsChange }): Promise<BulkResult> => {
      const result: BulkResult = { changed: [], unchanged: [] }
      for (let start = 0; start < ids.length; start += AT_ONCE) {
        const part = { ...change, ids: ids.slice(start, start + AT_ONCE) } as BulkChange
        // One after the other, on purpose: SQLite has one writer.
        // oxlint-disable-next-line no-await-in-loop
        const { changed, unchanged } = await body(client.POST('/api/jobs/bulk', { body: part }))
        result.changed.push(...changed)
        result.unchanged.push(...unchanged)
      }
      return { ...result, unchanged: result.unchanged.filter(({ code }) => code !== 'already_so') }
    },
    onSettled: (_result, _error, { ids, change }) => {
      // The page of a job that is gone has nothing to refetch.
      const isGone = (key: unknown) => change.action === 'delete' && typeof key === 'number' && ids.includes(key)
      for (const name of ['jobs', 'printers', 'analytics']) {
        void queries.invalidateQueries({ queryKey: [name], predicate: ({ queryKey }) => !isGone(queryKey[2]) })
      }
    },
  })
}

/** Why a job was not changed, in the reader's language. */
export function useUnchangedText() {
  const { t, te } = useI18n()
  return ({ code, reason }: UnchangedJob): string => (te(`unchanged.${code}`, 'en') ? t(`unchanged.${code}`) : reason)
}

/** Changes jobs and reports the result in messages. Answers whether all were changed. */
export function useReportedChange() {
  const { t } = useI18n()
  const format = useFormat()
  const { show } = useToasts()
  const problemText = useProblemText()
  const unchangedText = useUnchangedText()
  const { mutateAsync, isPending } = useChangeJobs()

  async function change(ids: readonly number[], wanted: JobsChange, done: string): Promise<boolean> {
    try {
      const { unchanged } = await mutateAsync({ ids, change: wanted })
      const count = ids.length - unchanged.length
      if (count > 0) show('done', t(done, { count: format.value.count(count) }, count))
      const [first] = unchanged
      if (first) show('failed', t('jobs.unchanged', { count: format.value.count(unchanged.length), reason: unchangedText(first) }, unchanged.length))
      return !first
    } catch (error) {
      show('failed', problemText(error))
      return false
    }
  }
  return { change, isPending }
}

/** Reports a deletion, and offers to undo it, unless the server keeps no deleted jobs. */
export function useOfferUndo() {
  const { t } = useI18n()
  const format = useFormat()
  const { show } = useToasts()
  const { change } = useReportedChange()
  const { data: system } = useSystem()
  return (ids: readonly number[]) => {
    const run = () => void change(ids, { action: 'restore' }, 'deleted.restored')
    const text = t('jobs.deleted', { count: format.value.count(ids.length) }, ids.length)
    if (system.value?.deleted_jobs_days === 0) show('done', text)
    else show('done', text, { label: t('common.undo'), run })
  }
}
