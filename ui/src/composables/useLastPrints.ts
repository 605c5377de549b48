/** The newest ended job of each printer, among the latest jobs of all. */
import { computed } from 'vue'
import { NO_FILTER, STATUSES } from '@/model/jobFilter'
import { useJobs, type Job } from './useJobs'

const ENDED = STATUSES.filter((status) => status !== 'printing' && status !== 'paused')
/** Enough for printers that have been idle for a while; one request for all of them. */
const LATEST = 200

export function useLastPrints() {
  const { jobs, isPending } = useJobs({ ...NO_FILTER, statuses: ENDED }, LATEST)
  const lastPrints = computed(() => {
    const latest = new Map<number, Job>()
    for (const job of jobs.value) if (!latest.has(job.printer_id)) latest.set(job.printer_id, job)
    return latest
  })
  return { lastPrints, isPending }
}
