/** Why a job ended, in a few words. */
import { useI18n } from 'vue-i18n'

export function useCause() {
  const { t, te } = useI18n()
  /** Unknown causes are shown as Moonraker reports them. */
  return (cause: string): string => (te(`failure.${cause}`, 'en') ? t(`failure.${cause}`) : cause)
}
