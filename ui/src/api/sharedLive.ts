/**
 * One stream for all tabs of a browser: over HTTP/1.1 a browser opens six connections to a server, and each stream keeps one.
 *
 * One tab leads: it follows the stream and passes on what it receives over a BroadcastChannel. Web Locks would elect the
 * leader, but exist in secure contexts only, and printlog is mostly used over plain HTTP. So the leader announces itself,
 * and a tab that hears nothing of it for a while takes its place. Of two leaders one gives way: a hidden tab to a visible
 * one, because browsers slow down and freeze hidden tabs, otherwise the tab with the greater id.
 */
import { followLive, type LiveEvents, type LiveOptions, type LiveState } from './live'

type Name = keyof LiveEvents
type Message =
  | { kind: 'join' | 'lead' | 'leave' }
  | { kind: 'state'; state: LiveState }
  | { kind: 'event'; name: Name; data: unknown; to?: string }
type Envelope = Message & { from: string; visible: boolean }

/** The leader announces itself this often, in ms. */
const HEARTBEAT = 2_000
/** Without an announcement for so long, a visible tab takes over, in ms; a hidden one, whose timers are slow, later. */
const LOST = { visible: 6_000, hidden: 30_000 }
/** A new tab waits at least this long for the leader's answer, in ms, and at most twice as long. */
const ANSWER = 100

const isVisible = () => document.visibilityState === 'visible'

/** Like `followLive`, by way of another tab if one leads. */
export function followSharedLive(options: LiveOptions): () => void {
  if (typeof BroadcastChannel === 'undefined') return followLive(options)
  const id = Math.random().toString(36).slice(2).padEnd(12, '0')
  const channel = new BroadcastChannel(`printlog-live-1 ${options.url}`)
  /** Ends the own stream; set while this tab leads. */
  let stopStream: (() => void) | null = null
  let leader: string | null = null
  let lastHeard = Date.now()
  let state: LiveState = 'connecting'
  let snapshot: LiveEvents['hello'] | null = null
  let election: ReturnType<typeof setTimeout> | undefined

  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel takes none
  const post = (message: Message) => channel.postMessage({ ...message, from: id, visible: isVisible() })
  const become = (next: LiveState) => {
    if (next !== state) options.onState(next)
    state = next
  }
  const lead = () => {
    clearTimeout(election)
    if (stopStream) return
    leader = id
    post({ kind: 'lead' })
    stopStream = followLive({
      ...options,
      onEvent: (name, data) => {
        snapshot = merge(snapshot, name, data)
        post({ kind: 'event', name, data })
        options.onEvent(name, data)
      },
      onState: (next) => {
        become(next)
        post({ kind: 'state', state: next })
      },
    })
  }
  const giveUp = () => {
    stopStream?.()
    stopStream = null
    snapshot = null
  }
  const join = () => {
    lastHeard = Date.now()
    post({ kind: 'join' })
    clearTimeout(election)
    election = setTimeout(lead, ANSWER * (1 + Math.random()))
  }
  const leave = () => {
    clearTimeout(election)
    if (stopStream) post({ kind: 'leave' })
    giveUp()
    leader = null
  }

  const asLeader = (message: Envelope) => {
    if (message.kind === 'join') {
      post({ kind: 'lead' })
      if (snapshot) post({ kind: 'event', name: 'hello', data: snapshot, to: message.from })
      post({ kind: 'state', state })
    } else if (message.kind === 'lead') {
      const outranked = message.visible === isVisible() ? message.from < id : message.visible
      if (!outranked) {
        post({ kind: 'lead' })
        return
      }
      giveUp()
      leader = message.from
      join()
    }
  }
  channel.addEventListener('message', ({ data: message }: MessageEvent<Envelope>) => {
    if (stopStream) {
      asLeader(message)
      return
    }
    if (message.kind === 'lead') {
      leader = message.from
      lastHeard = Date.now()
      clearTimeout(election)
      if (!message.visible && isVisible()) lead()
    } else if (message.from === leader) {
      lastHeard = Date.now()
      if (message.kind === 'leave') join()
      else if (message.kind === 'state') become(message.state)
      else if (message.kind === 'event' && (message.to ?? id) === id) options.onEvent(message.name, message.data as LiveEvents[Name])
    }
  })

  const heartbeat = setInterval(() => {
    if (stopStream) post({ kind: 'lead' })
    else if (Date.now() - lastHeard > LOST[isVisible() ? 'visible' : 'hidden']) lead()
  }, HEARTBEAT)
  // A leader that becomes hidden says so, and a visible tab takes its place.
  const visibility = () => {
    if (stopStream) post({ kind: 'lead' })
    else if (isVisible()) join()
  }
  const listeners: [EventTarget, string, () => void][] = [
    [document, 'visibilitychange', visibility],
    [document, 'freeze', leave],
    [document, 'resume', join],
    [window, 'pagehide', leave],
    [window, 'pageshow', () => stopStream ?? join()],
  ]
  for (const [target, event, listener] of listeners) target.addEventListener(event, listener)
  join()

  return () => {
    leave()
    clearInterval(heartbeat)
    for (const [target, event, listener] of listeners) target.removeEventListener(event, listener)
    channel.close()
  }
}

/** What a new tab has to know: the last `hello`, with the changes since. */
function merge(before: LiveEvents['hello'] | null, name: Name, data: LiveEvents[Name]): LiveEvents['hello'] | null {
  if (name === 'hello') return data as LiveEvents['hello']
  if (name !== 'status' || !before) return before
  const changed = data as LiveEvents['status']
  const isKnown = before.printers.some((printer) => printer.printer_id === changed.printer_id)
  const printers = isKnown
    ? before.printers.map((printer) => (printer.printer_id === changed.printer_id ? { ...printer, ...changed } : printer))
    : [...before.printers, changed as LiveEvents['hello']['printers'][number]]
  return { ...before, printers }
}
