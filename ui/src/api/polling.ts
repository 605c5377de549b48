/** Asks for the state of the printers again and again: for servers that have no stream. Says what the stream would. */
import { body, client } from './client'
import type { LiveEvents, LiveOptions, LiveState, PrinterStatus } from './live'

/** Pause between two rounds, in ms. */
const PAUSE = 3_000

type Ask = () => Promise<PrinterStatus[]>

async function askAll(): Promise<PrinterStatus[]> {
  const { items } = await body(client.GET('/api/printers'))
  return Promise.all(items.map(({ id }) => body(client.GET('/api/printers/{id}/status', { params: { path: { id } } }))))
}

/** Like `followLive`. */
export function followByPolling({ onEvent, onState }: Omit<LiveOptions, 'url' | 'open'>, ask: Ask = askAll): () => void {
  const before = new Map<number, PrinterStatus>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let state: LiveState = 'connecting'
  let isStopped = false

  const become = (next: LiveState) => {
    if (next !== state) onState((state = next))
  }
  const tell = (printers: PrinterStatus[]) => {
    const isSame = printers.length === before.size && printers.every(({ printer_id: id }) => before.has(id))
    if (!isSame || state !== 'live') {
      onEvent('hello', { version: '', printers })
      before.clear()
    }
    for (const printer of printers) {
      const old = before.get(printer.printer_id)
      before.set(printer.printer_id, printer)
      if (!old) continue
      onEvent('status', printer)
      const job = printer.job?.id ?? old.job?.id
      if (job && (printer.job?.id !== old.job?.id || printer.job?.status !== old.job?.status)) {
        onEvent('job', { id: job, printer_id: printer.printer_id, change: 'written' } satisfies LiveEvents['job'])
      }
    }
  }
  const round = async () => {
    try {
      const printers = await ask()
      if (isStopped) return
      tell(printers)
      become('live')
    } catch {
      if (isStopped) return
      become(state === 'connecting' ? 'connecting' : 'stale')
    }
    timer = setTimeout(() => void round(), PAUSE)
  }
  void round()

  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}
