import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, h, type App } from 'vue'
import type { Toast } from '@/composables/useToasts'
import AppToast from './AppToast.vue'

let app: App
let dismissed: number

function open(toast: Partial<Toast>) {
  const whole: Toast = { id: 1, kind: 'done', text: '2 jobs were deleted.', action: null, lasts: 10_000, ...toast }
  dismissed = 0
  app = createApp({ render: () => h(AppToast, { toast: whole, onDismiss: () => (dismissed += 1) }) })
  app.config.globalProperties.$t = ((key: string) => key) as never
  app.mount(document.body.appendChild(document.createElement('div')))
}
const root = () => document.querySelector<HTMLElement>('.shadow-float')
const button = () => document.querySelector<HTMLElement>('button')
async function pass(ms: number) {
  await vi.advanceTimersByTimeAsync(ms)
}

beforeEach(() => vi.useFakeTimers())
afterEach(() => {
  app.unmount()
  document.body.replaceChildren()
  vi.useRealTimers()
})

describe('a message', () => {
  it('goes away after its time', async () => {
    open({ lasts: 4_000 })
    await pass(3_999)
    expect(dismissed).toBe(0)
    await pass(1)
    expect(dismissed).toBe(1)
  })

  it('stays while the pointer is over it, and its whole time after that', async () => {
    open({})
    await pass(9_000)
    root()?.dispatchEvent(new MouseEvent('mouseenter'))
    await pass(60_000)
    expect(dismissed).toBe(0)
    root()?.dispatchEvent(new MouseEvent('mouseleave'))
    await pass(9_999)
    expect(dismissed).toBe(0)
    await pass(1)
    expect(dismissed).toBe(1)
  })

  it('gives the focus to its action, and stays while that has it', async () => {
    const run = vi.fn<() => void>()
    open({ action: { label: 'Undo', run } })
    await pass(1)
    expect(document.activeElement).toBe(button())
    await pass(60_000)
    expect(dismissed).toBe(0)
    button()?.click()
    expect(run).toHaveBeenCalledOnce()
    expect(dismissed).toBe(1)
  })

  it('goes away at Escape', async () => {
    open({ action: { label: 'Undo', run: vi.fn<() => void>() } })
    await pass(1)
    button()?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))
    expect(dismissed).toBe(1)
  })
})
