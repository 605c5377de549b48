/** The pages that can be gone to from everywhere. */
import { ChartColumn, LayoutDashboard, ListChecks, Printer, Settings } from '@lucide/vue'
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'

export function useNavigation() {
  const { t } = useI18n()
  return computed(() => [
    { name: 'dashboard', label: t('nav.dashboard'), icon: LayoutDashboard },
    { name: 'jobs', label: t('nav.jobs'), icon: ListChecks },
    { name: 'analytics', label: t('nav.analytics'), icon: ChartColumn },
    { name: 'printers', label: t('nav.printers'), icon: Printer },
    { name: 'settings', label: t('nav.settings'), icon: Settings },
  ])
}
