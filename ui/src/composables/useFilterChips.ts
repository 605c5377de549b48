/** The restrictions of a filter one by one, each with its name and the filter without it. */
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { useI18n } from 'vue-i18n'
import type { JobFilter } from '@/model/jobFilter'
import { usePeriod } from './usePeriod'
import { usePrinters } from './usePrinters'

export function useFilterChips(filter: MaybeRefOrGetter<JobFilter>) {
  const { t } = useI18n()
  const { printers } = usePrinters()
  const { labelOf } = usePeriod()
  return computed(() => {
    const now = toValue(filter)
    const without = <Value>(list: readonly Value[], value: Value) => list.filter((other) => other !== value)
    const printerName = (id: number) => printers.value.find((printer) => printer.id === id)?.name ?? `${t('job.printer')} ${id}`
    return [
      ...(now.text ? [{ label: `“${now.text}”`, rest: { ...now, text: null } }] : []),
      ...now.printers.map((id) => ({ label: printerName(id), rest: { ...now, printers: without(now.printers, id) } })),
      ...now.statuses.map((status) => ({ label: t(`status.${status}`), rest: { ...now, statuses: without(now.statuses, status) } })),
      ...(now.material ? [{ label: now.material, rest: { ...now, material: null } }] : []),
      ...(now.slicer ? [{ label: now.slicer, rest: { ...now, slicer: null } }] : []),
      ...now.verdicts.map((verdict) => ({ label: t(`verdict.${verdict}`), rest: { ...now, verdicts: without(now.verdicts, verdict) } })),
      ...now.tags.map((tag) => ({ label: tag, rest: { ...now, tags: without(now.tags, tag) } })),
      ...(now.from || now.to ? [{ label: labelOf(now), rest: { ...now, from: null, to: null } }] : []),
    ]
  })
}
