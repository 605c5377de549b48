import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { LiveEvents, LiveState, PrinterStatus } from './live'
import { followByPolling } from './polling'

const status = (id: number, job: { id: number; status: string } | null) => ({ printer_id: id, job }) as PrinterStatus

describe('polling', () => {
  let answers: (PrinterStatus[] | null)[]
  let events: (keyof LiveEvents)[]
  let states: LiveState[]
  let stop: () => void

  beforeEach(() => {
    vi.useFakeTimers()
    events = []
    states = []
  })
  afterEach(() => {
    stop()
    vi.useRealTimers()
  })
  async function follow(...rounds: typeof answers) {
    answers = [...rounds]
    stop = followByPolling({ onEvent: (name) => events.push(name), onState: (state) => states.push(state) }, () => {
      const answer = answers.shift()
      return answer ? Promise.resolve(answer) : Promise.reject(new Error('away'))
    })
    await vi.advanceTimersByTimeAsync(3_000 * (rounds.length - 1) + 100)
  }

  it('says hello first, then what changed', async () => {
    await follow([status(1, null)], [status(1, null)], [status(1, { id: 5, status: 'printing' })])
    expect(events).toEqual(['hello', 'status', 'status', 'job'])
    expect(states).toEqual(['live'])
  })

  it('tells of the end of a job', async () => {
    await follow([status(1, { id: 5, status: 'printing' })], [status(1, { id: 5, status: 'paused' })], [status(1, null)])
    expect(events).toEqual(['hello', 'status', 'job', 'status', 'job'])
  })

  it('says hello again when printers came or went, and after a cut', async () => {
    await follow([status(1, null)], [status(1, null), status(2, null)], null, [status(1, null), status(2, null)])
    expect(events).toEqual(['hello', 'hello', 'hello'])
    expect(states).toEqual(['live', 'stale', 'live'])
  })
})
