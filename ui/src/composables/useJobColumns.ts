/** The columns of the table of jobs, and which of them are shown. */
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import type { JobSort } from '@/model/jobFilter'
import { usePreferences } from './usePreferences'

export interface JobColumn {
  name: string
  label: string
  isNumber?: boolean
  /** The orders by it: downwards, upwards. */
  sorts?: readonly [JobSort, JobSort]
}

export function useJobColumns() {
  const { t } = useI18n()
  const preferences = usePreferences()
  const columns = computed((): JobColumn[] => [
    { name: 'printer', label: t('job.printer') },
    { name: 'material', label: t('job.material') },
    { name: 'status', label: t('job.status') },
    { name: 'started', label: t('job.started'), sorts: ['newest', 'oldest'] },
    { name: 'ended', label: t('job.ended') },
    { name: 'cause', label: t('job.cause') },
    { name: 'printTime', label: t('job.printTime'), isNumber: true, sorts: ['-print_duration', 'print_duration'] },
    { name: 'totalTime', label: t('job.totalTime'), isNumber: true, sorts: ['-total_duration', 'total_duration'] },
    { name: 'filament', label: t('job.filament'), isNumber: true, sorts: ['-filament_used', 'filament_used'] },
    { name: 'weight', label: t('job.weight'), isNumber: true },
    { name: 'cost', label: t('job.cost'), isNumber: true },
    { name: 'layerHeight', label: t('job.layerHeight'), isNumber: true },
    { name: 'slicer', label: t('job.slicer') },
    { name: 'verdict', label: t('notes.fields.verdict') },
    { name: 'tags', label: t('notes.fields.tags') },
    { name: 'user', label: t('job.user') },
  ])
  const isShown = (name: string) => !preferences.hiddenColumns.includes(name)
  function show(name: string, on: boolean) {
    const others = preferences.hiddenColumns.filter((other) => other !== name)
    preferences.hiddenColumns = on ? others : [...others, name]
  }
  return { columns, isShown, show }
}
