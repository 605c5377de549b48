/** Short messages that go away by themselves. */
import { shallowRef } from 'vue'

export interface ToastAction {
  label: string
  run: () => void
}

export interface Toast {
  id: number
  kind: 'done' | 'failed'
  text: string
  /** Takes back what was done. Its button gets the focus. */
  action: ToastAction | null
  /** How long it stays, in ms. */
  lasts: number
}

const toasts = shallowRef<readonly Toast[]>([])
let last = 0

/** A success needs a glance, a failure has to be read, an action has to be decided on. In ms. */
const LASTS = { done: 4_000, failed: 10_000, action: 10_000 }

function dismiss(id: number) {
  toasts.value = toasts.value.filter((toast) => toast.id !== id)
}

function show(kind: Toast['kind'], text: string, action: ToastAction | null = null) {
  last += 1
  toasts.value = [...toasts.value.slice(-2), { id: last, kind, text, action, lasts: LASTS[action ? 'action' : kind] }]
}

export function useToasts() {
  return { toasts, show, dismiss }
}
