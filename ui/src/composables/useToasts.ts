/** Short messages that go away by themselves. */
import { shallowRef } from 'vue'

export interface Toast {
  id: number
  kind: 'done' | 'failed'
  text: string
}

const toasts = shallowRef<readonly Toast[]>([])
let last = 0

/** A success needs a glance, a failure has to be read. In ms. */
const LASTS = { done: 4_000, failed: 10_000 }

function dismiss(id: number) {
  toasts.value = toasts.value.filter((toast) => toast.id !== id)
}

function show(kind: Toast['kind'], text: string) {
  last += 1
  const id = last
  toasts.value = [...toasts.value.slice(-2), { id, kind, text }]
  setTimeout(() => dismiss(id), LASTS[kind])
}

export function useToasts() {
  return { toasts, show, dismiss }
}
