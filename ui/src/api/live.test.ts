import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { followLive, type LiveEvents, type LiveState } from './live'

/** What a browser's EventSource looks like to its user; the test plays the server. */
class Line extends EventTarget {
  closed = false
  say(name: string, data: unknown) {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }))
  }
  close() {
    this.closed = true
  }
}

describe('the live stream', () => {
  let lines: Line[]
  let states: LiveState[]
  let events: [keyof LiveEvents, unknown][]
  let stop: () => void
  const line = () => lines.at(-1) as Line

  beforeEach(() => {
    vi.useFakeTimers()
    lines = []
    states = []
    events = []
    stop = followLive({
      url: '/api/live',
      open: () => {
        lines.push(new Line())
        return line() as unknown as EventSource
      },
      onState: (state) => states.push(state),
      onEvent: (name, data) => events.push([name, data]),
    })
  })
  afterEach(() => {
    stop()
    vi.useRealTimers()
  })

  it('is live from hello on, and passes events on', () => {
    line().say('hello', { version: '1', printers: [] })
    line().say('status', { printer_id: 3, klippy_state: 'ready' })
    expect(states).toEqual(['live'])
    expect(events).toEqual([
      ['hello', { version: '1', printers: [] }],
      ['status', { printer_id: 3, klippy_state: 'ready' }],
    ])
  })

  it('is stale after a cut, and live again by itself', () => {
    line().say('hello', { version: '1', printers: [] })
    line().dispatchEvent(new Event('error'))
    expect(line().closed).toBe(true)
    vi.advanceTimersByTime(1_000)
    expect(lines).toHaveLength(2)
    line().say('hello', { version: '2', printers: [] })
    expect(states).toEqual(['live', 'stale', 'live'])
  })

  it('takes silence for a cut, but not as long as the heart beats', () => {
    line().say('hello', { version: '1', printers: [] })
    for (let beat = 0; beat < 6; beat += 1) {
      vi.advanceTimersByTime(10_000)
      line().say('heartbeat', {})
    }
    expect(lines).toHaveLength(1)
    vi.advanceTimersByTime(25_000)
    expect(states).toEqual(['live', 'stale'])
    expect(line().closed).toBe(true)
  })

  it('waits longer with each attempt in vain, and short again after a success', () => {
    const pauses = [1_000, 2_000, 5_000, 10_000, 10_000]
    for (const pause of pauses) {
      const before = lines.length
      line().dispatchEvent(new Event('error'))
      vi.advanceTimersByTime(pause - 1)
      expect(lines).toHaveLength(before)
      vi.advanceTimersByTime(1)
      expect(lines).toHaveLength(before + 1)
    }
    line().say('hello', { version: '1', printers: [] })
    line().dispatchEvent(new Event('error'))
    vi.advanceTimersByTime(1_000)
    expect(lines).toHaveLength(pauses.length + 2)
  })

  it('ends when it is stopped', () => {
    stop()
    vi.advanceTimersByTime(100_000)
    expect(lines).toHaveLength(1)
    expect(line().closed).toBe(true)
  })
})
