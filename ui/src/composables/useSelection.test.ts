import { describe, expect, it } from 'vitest'
import { ref } from 'vue'
import { useSelection } from './useSelection'

const shift = { shiftKey: true } as MouseEvent
const plain = { shiftKey: false } as MouseEvent

function list(...ids: number[]) {
  const selection = ref(new Set<number>())
  const { select, ...rest } = useSelection(selection, ids)
  const click = (event: MouseEvent, id: number, on = true) => {
    rest.withShift(event)
    select(id, on)
  }
  return { click, selected: () => [...selection.value], ...rest }
}

describe('the selection', () => {
  it('takes the range from the last click, in either direction', () => {
    const { click, selected } = list(9, 7, 5, 3, 1)
    click(plain, 3)
    click(shift, 9)
    expect(selected().toSorted()).toEqual([3, 5, 7, 9])
  })

  it('removes a range as well', () => {
    const { click, selected, selectAll } = list(9, 7, 5, 3, 1)
    selectAll(true)
    click(plain, 7, false)
    click(shift, 3, false)
    expect(selected()).toEqual([9, 1])
  })

  it('takes only one if there was no click before, or its job has left the list', () => {
    const { click, selected } = list(9, 7, 5)
    click(shift, 5)
    expect(selected()).toEqual([5])
    const other = list(9, 7, 5)
    other.click(plain, 4)
    other.click(shift, 7)
    expect(other.selected()).toEqual([4, 7])
  })

  it('knows whether all are selected', () => {
    const { selectAll, isAllSelected } = list(9, 7)
    expect(isAllSelected.value).toBe(false)
    selectAll(true)
    expect(isAllSelected.value).toBe(true)
  })
})
