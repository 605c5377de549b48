/** What went wrong with a request, and what to do, in the reader's language. */
import { useI18n } from 'vue-i18n'
import { ApiError } from '@/api/client'

export function useProblemText() {
  const { t } = useI18n()
  return (error: unknown): string => {
    if (!(error instanceof ApiError)) return t('problem.unexpected')
    // What the server says is more exact than any text of ours.
    if (error.problem && error.status < 500) return error.problem.detail
    if (error.status === 0 || [502, 504].includes(error.status)) return t('problem.unreachable')
    if (error.status === 503) return t('problem.unavailable')
    if (error.status >= 500) return t('problem.failed')
    return t('problem.refused', { status: error.status })
  }
}
