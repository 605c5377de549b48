/** The restrictions of a filter one by one, each with its name and the filter without it. */
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { useI18n } from 'vue-i18n'
import type { JobFilter } from '@/model/jobFilter'
import { useCause } from './useCause'
import { usePeriod } from './usePeriod'
import { usePrinters } from './usePrinters'
import { useUserName } from './useUserName'

export function useFilterChips(filter: MaybeRefOrGetter<JobFilter>) {
  const { t } = useI18n()
  const { printers } = usePrinters()
  const { labelOf } = usePeriod()
  const causeOf = useCause()
  const userName = useUserName()
  const named = (value: string) => value || t('analytics.unknown')
  function rangeChips(now: JobFilter, key: 'hours' | 'metres', name: string) {
    const { min, max } = now[key]
    return [
      ...(min === null ? [] : [{ label: t('jobs.rangeFrom', { name, value: min }), rest: { ...now, [key]: { min: null, max } } }]),
      ...(max === null ? [] : [{ label: t('jobs.rangeTo', { name, value: max }), rest: { ...now, [key]: { min, max: null } } }]),
    ]
  }
  return computed(() => {
    const now = toValue(filter)
    const without = <Value>(list: readonly Value[], value: Value) => list.filter((other) => other !== value)
    const printerName = (id: number) => printers.value.find((printer) => printer.id === id)?.name ?? `${t('job.printer')} ${id}`
    return [
      ...(now.text ? [{ label: t('jobs.quoted', { text: now.text }), rest: { ...now, text: null } }] : []),
      ...now.printers.map((id) => ({ label: printerName(id), rest: { ...now, printers: without(now.printers, id) } })),
      ...now.statuses.map((status) => ({ label: t(`status.${status}`), rest: { ...now, statuses: without(now.statuses, status) } })),
      ...now.causes.map((cause) => ({ label: causeOf(cause), rest: { ...now, causes: without(now.causes, cause) } })),
      ...now.materials.map((name) => ({ label: named(name), rest: { ...now, materials: without(now.materials, name) } })),
      ...now.slicers.map((name) => ({ label: named(name), rest: { ...now, slicers: without(now.slicers, name) } })),
      ...now.users.map((name) => ({ label: name === '' ? named(name) : userName(name), rest: { ...now, users: without(now.users, name) } })),
      ...now.verdicts.map((verdict) => ({ label: t(`verdict.${verdict}`), rest: { ...now, verdicts: without(now.verdicts, verdict) } })),
      ...now.reasons.map((name) => ({ label: named(name), rest: { ...now, reasons: without(now.reasons, name) } })),
      ...rangeChips(now, 'hours', t('jobs.printTimeRange')),
      ...rangeChips(now, 'metres', t('jobs.filamentRange')),
      ...now.tags.map((tag) => ({ label: tag, rest: { ...now, tags: without(now.tags, tag) } })),
      ...(now.from || now.to ? [{ label: labelOf(now), rest: { ...now, from: null, to: null } }] : []),
    ]
  })
}
