/** Selects jobs of a list; a click with Shift selects the range from the job that was clicked before. */
import { computed, toValue, type MaybeRefOrGetter, type Ref } from 'vue'

export function useSelection(selection: Ref<Set<number>>, ids: MaybeRefOrGetter<readonly number[]>) {
  let anchor: number | null = null
  let isRange = false

  function select(id: number, on: boolean) {
    const all = toValue(ids)
    const [from, to] = [anchor === null ? -1 : all.indexOf(anchor), all.indexOf(id)].toSorted((a, b) => a - b)
    const range = isRange && from !== undefined && from >= 0 && to !== undefined ? all.slice(from, to + 1) : [id]
    for (const one of range) {
      if (on) selection.value.add(one)
      else selection.value.delete(one)
    }
    anchor = id
    isRange = false
  }

  return {
    select,
    /** Before `select`: whether Shift is held. */
    withShift(event: MouseEvent | KeyboardEvent) {
      isRange = event.shiftKey
    },
    selectAll(on: boolean) {
      anchor = null
      isRange = false
      for (const id of toValue(ids)) select(id, on)
    },
    isAllSelected: computed(() => toValue(ids).length > 0 && toValue(ids).every((id) => selection.value.has(id))),
  }
}
