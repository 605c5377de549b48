/** Whether a media query matches, as a ref. */
import { onScopeDispose, shallowReadonly, shallowRef } from 'vue'

export function useMediaQuery(query: string) {
  const list = window.matchMedia(query)
  const matches = shallowRef(list.matches)
  const update = () => {
    matches.value = list.matches
  }
  list.addEventListener('change', update)
  onScopeDispose(() => list.removeEventListener('change', update))
  return shallowReadonly(matches)
}
