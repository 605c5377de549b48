/** The time, as a ref that moves on while somebody looks at it. One timer for the whole page. */
import { onScopeDispose, shallowReadonly, shallowRef } from 'vue'

const now = shallowRef(new Date())
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The current time, to ten seconds. */
export function useNow() {
  users += 1
  now.value = new Date()
  timer ??= setInterval(() => {
    now.value = new Date()
  }, 10_000)
  onScopeDispose(() => {
    users -= 1
    if (users > 0) return
    clearInterval(timer)
    timer = undefined
  })
  return shallowReadonly(now)
}
