/** How many jobs started in the days around today, in the reader's zone. */
import { computed } from 'vue'
import { dayOf, mondayOf, shiftDay } from '@/model/days'
import { NO_FILTER } from '@/model/jobFilter'
import { useJobs } from './useJobs'
import { useNow } from './useNow'
import { useTimeZone } from './useTimeZone'

export function useCounts() {
  const now = useNow()
  const { zone } = useTimeZone()
  const today = computed(() => dayOf(now.value, zone.value))
  const monday = computed(() => mondayOf(today.value))
  const between = (from: () => string, to: () => string) =>
    // One row is the least that can be asked for; only the total is used.
    useJobs(() => ({ ...NO_FILTER, from: from(), to: to() }), 1).total
  return {
    today: between(() => today.value, () => today.value),
    yesterday: between(() => shiftDay(today.value, -1), () => shiftDay(today.value, -1)),
    week: between(() => monday.value, () => shiftDay(monday.value, 6)),
    lastWeek: between(() => shiftDay(monday.value, -7), () => shiftDay(monday.value, -1)),
  }
}
