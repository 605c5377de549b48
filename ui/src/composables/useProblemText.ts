/** What went wrong with a request, and what to do, in the reader's language. */
import { useI18n } from 'vue-i18n'
import { ApiError, type FieldError, type Problem } from '@/api/client'
import { useServerText } from './useServerText'

export function useProblemText() {
  const { t } = useI18n()
  const serverText = useServerText()
  const { ofField } = useFieldText()

  function ofProblem(problem: Problem): string {
    const [only, ...others] = problem.errors ?? []
    if (only && others.length === 0) return `${only.field}: ${ofField(only)}`
    return serverText(`errors.${problem.code}`, problem.params, problem.detail)
  }

  return (error: unknown): string => {
    if (!(error instanceof ApiError)) return t('problem.unexpected')
    if (error.problem) return ofProblem(error.problem)
    if (error.status === 0 || [502, 504].includes(error.status)) return t('problem.unreachable')
    if (error.status === 503) return t('problem.unavailable')
    if (error.status >= 500) return t('problem.failed')
    return t('problem.refused', { status: error.status })
  }
}

/** What is wrong with a field of a form. */
export function useFieldText() {
  const serverText = useServerText()
  const ofField = (error: FieldError) => serverText(`fieldErrors.${error.code}`, error.params, error.message)
  /** Of the field with this name. `undefined`: the request failed for another reason, or has not failed. */
  function fieldText(error: unknown, name: string): string | undefined {
    const wrong = error instanceof ApiError ? error.field(name) : undefined
    return wrong && ofField(wrong)
  }
  return { ofField, fieldText }
}
