/** Whether the first statuses of the printers are still awaited, so that pages do not jump when they arrive. */
import { useTimeout } from '@vueuse/core'
import { computed } from 'vue'
import { useLive } from './useLive'

/** A page does not wait longer than this, in ms. */
const PATIENCE = 3_000

export function useAwaitedStatuses() {
  const { state } = useLive()
  const isOver = useTimeout(PATIENCE)
  return computed(() => state.value === 'connecting' && !isOver.value)
}
