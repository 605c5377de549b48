/** Whether a form differs from what it was when the dialog opened. */
import { computed } from 'vue'

export function useDirty(form: object) {
  const before = JSON.stringify(form)
  return computed(() => JSON.stringify(form) !== before)
}
