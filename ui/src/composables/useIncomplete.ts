/** Jobs whose G-code files are still being read, so that materials, weights and costs are missing. */
import { computed } from 'vue'
import { NO_FILTER } from '@/model/jobFilter'
import { useJobs } from './useJobs'
import { useSystem } from './useSystem'

export function useIncomplete() {
  const { data: system } = useSystem()
  const { total } = useJobs(NO_FILTER, 1)
  return { pending: computed(() => system.value?.details.pending ?? 0), total }
}
