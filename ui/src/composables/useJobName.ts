/** What a job is called: its title, else its file without folder and extension. */
import { useI18n } from 'vue-i18n'
import { titleOf } from '@/model/fileName'

export function useJobName() {
  const { t } = useI18n()
  return ({ title, filename }: { title?: string | null; filename?: string | null }): string => title ?? (filename ? titleOf(filename) : t('job.unknownFile'))
}
