/**
 * The stream `GET /api/live` (Server-Sent Events): what every printer does, as it happens.
 *
 * Each event has a name and one JSON object as data:
 *
 *     hello      {"version": "0.1.0", "printers": [PrinterStatus, …]}
 *                First on every connection, also after a cut: the whole state, so that nothing has to be replayed.
 *     status     {"printer_id": 1, …}
 *                Fields of PrinterStatus that changed; each replaces the whole field. Of a printer that is new: all of them.
 *                At most one a second and printer.
 *     job        {"id": 7, "printer_id": 1, "change": "written" | "deleted"}
 *                A row of a job was written at a change of state, or removed. Checkpoints emit no event, nor do jobs
 *                that are imported: `backfill` of the status counts them.
 *     printers   {}
 *                A printer was added, changed or removed.
 *     heartbeat  {}
 *                Every 10 s, so that a dead connection can be distinguished from a quiet one.
 *
 * The server ends the stream when the session ends. Values are those of `GET /api/printers/{id}/status`.
 */
import type { components } from './schema'

export type PrinterStatus = components['schemas']['PrinterStatus']

export interface LiveEvents {
  hello: { version: string; printers: PrinterStatus[] }
  status: { printer_id: number } & Partial<PrinterStatus>
  job: { id: number; printer_id: number; change: 'written' | 'deleted' }
  printers: Record<string, never>
  heartbeat: Record<string, never>
}

const EVENTS = ['hello', 'status', 'job', 'printers', 'heartbeat'] as const

/** `connecting` until the first `hello`; `live` while events arrive; `stale` after the connection is lost. */
export type LiveState = 'connecting' | 'live' | 'stale'

export interface LiveOptions {
  url: string
  onEvent: <Name extends keyof LiveEvents>(name: Name, data: LiveEvents[Name]) => void
  onState: (state: LiveState) => void
  /** Replaced by tests. */
  open?: (url: string) => EventSource
}

/** A connection that is silent for so long is considered dead. In ms; the server sends a heartbeat every 10 s. */
const SILENCE = 25_000
/** Pauses before another attempt, in ms. */
const PAUSES = [1_000, 2_000, 5_000, 10_000]

/** Follows the stream until the returned function is called; connects again whenever it is cut. */
export function followLive({ url, onEvent, onState, open = (to) => new EventSource(to) }: LiveOptions): () => void {
  let source: EventSource | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let attempts = 0
  let state: LiveState = 'connecting'

  const become = (next: LiveState) => {
    if (next === state) return
    state = next
    onState(next)
  }
  const reconnect = () => {
    source?.close()
    source = null
    if (state === 'live') become('stale')
    const pause = PAUSES[Math.min(attempts, PAUSES.length - 1)]
    attempts += 1
    clearTimeout(timer)
    timer = setTimeout(connect, pause)
  }
  const watch = () => {
    clearTimeout(timer)
    timer = setTimeout(reconnect, SILENCE)
  }
  const receive = <Name extends keyof LiveEvents>(name: Name, text: string) => {
    watch()
    if (name === 'hello') {
      attempts = 0
      become('live')
    }
    onEvent(name, JSON.parse(text) as LiveEvents[Name])
  }
  function connect() {
    source = open(url)
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => receive(name, (event as MessageEvent<string>).data))
    }
    // The browser's own attempts stop for good at the first answer that is no stream, such as a proxy's 502.
    source.addEventListener('error', reconnect)
    watch()
  }
  connect()

  return () => {
    clearTimeout(timer)
    source?.close()
    source = null
  }
}
