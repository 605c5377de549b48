/** Names for the days of a filter, in the reader's language and zone. */
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { dayOf, startOfDay, type Day } from '@/model/days'
import { periodName, type DayRange } from '@/model/periods'
import { useFormat } from './useFormat'
import { useNow } from './useNow'
import { useTimeZone } from './useTimeZone'

export function usePeriod() {
  const { t } = useI18n()
  const format = useFormat()
  const now = useNow()
  const { zone } = useTimeZone()
  const today = computed(() => dayOf(now.value, zone.value))
  const shown = (day: Day) => format.value.date(startOfDay(day, zone.value).toISOString())
  function labelOf({ from, to }: DayRange): string {
    const name = periodName({ from, to }, today.value)
    if (name) return t(`jobs.${name}`)
    if (from && to) return from === to ? shown(from) : `${shown(from)} – ${shown(to)}`
    return from ? t('jobs.since', { day: shown(from) }) : t('jobs.until', { day: shown(to ?? today.value) })
  }
  return { today, labelOf }
}
