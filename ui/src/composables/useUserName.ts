/** Who started a job, for people: Moonraker has words of its own for those who did not sign in to it. */
import { useI18n } from 'vue-i18n'
import { UNKNOWN } from '@/model/format'

export function useUserName() {
  const { t } = useI18n()
  return (user: string | null | undefined): string => {
    if (user === '_TRUSTED_USER_') return t('job.trustedUser')
    return user === '_API_KEY_USER_' ? t('job.keyUser') : (user ?? UNKNOWN)
  }
}
