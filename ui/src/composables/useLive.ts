/** What the printers do right now. One stream for all tabs, while a user is signed in. */
import type { QueryClient } from '@tanstack/vue-query'
import { shallowReactive, shallowReadonly, shallowRef, watch, type Ref } from 'vue'
import { BASE_URL } from '@/api/client'
import type { LiveEvents, LiveState, PrinterStatus } from '@/api/live'
import { followSharedLive } from '@/api/sharedLive'

const statuses = shallowReactive(new Map<number, PrinterStatus>())
const state = shallowRef<LiveState>('connecting')
const serverVersion = shallowRef<string | null>(null)
/** The server was replaced by another version while this page was open. */
const isOutdated = shallowRef(false)

/** Number of rounds in which jobs changed. */
const jobChanges = shallowRef(0)
/** Ids of the jobs that changed in the last round. */
const changedJobs = shallowRef<ReadonlySet<number>>(new Set())

export function useLive() {
  return {
    statuses: shallowReadonly(statuses),
    state: shallowReadonly(state),
    isOutdated: shallowReadonly(isOutdated),
    jobChanges: shallowReadonly(jobChanges),
    changedJobs: shallowReadonly(changedJobs),
  }
}

function isWhole(status: Partial<PrinterStatus>): status is Omit<PrinterStatus, 'printer_id'> {
  return status.connection !== undefined && status.backfill !== undefined && status.temperatures !== undefined
}

/** Pause between two rounds of refetching, in ms. */
const PAUSE = 1_500
/** Status changes are shown together: one update for hundreds of printers takes little longer than for one. In ms. */
const GATHER = 250
/** A longer list is not refetched: its reader has scrolled past the new jobs, and gets a notice instead. */
const PAGES = 4

/** Whether a query refetches its data when something changes. */
export function refetchesItself(data: unknown) {
  const pages = data !== null && typeof data === 'object' && 'pages' in data ? data.pages : null
  return !Array.isArray(pages) || pages.length <= PAGES
}

/** Follows the stream while `isSignedIn`, and refetches the queries whose data it reports as changed. */
export function runLive(isSignedIn: Ref<boolean>, queries: QueryClient) {
  let hasSnapshot = false
  const handlers: { [Name in keyof LiveEvents]: (data: LiveEvents[Name]) => void } = {
    hello({ version, printers }) {
      isOutdated.value = serverVersion.value !== null && serverVersion.value !== version
      serverVersion.value ??= version
      gathered.clear()
      statuses.clear()
      for (const printer of printers) statuses.set(printer.printer_id, printer)
      // Changes before this event were not reported: during a cut, or after a page had read its data.
      if (hasSnapshot) void queries.invalidateQueries()
      else invalidate('jobs', 'printers', 'analytics')
      hasSnapshot = true
    },
    status({ printer_id: id, ...changed }) {
      const before = gathered.get(id) ?? statuses.get(id)
      // The first of a new printer has all fields.
      const after = before ? { ...before, ...changed } : isWhole(changed) ? { printer_id: id, ...changed } : null
      if (!after) return
      if (gathered.size === 0) setTimeout(show, GATHER)
      gathered.set(id, after)
      if (!before) return
      // Imported jobs emit no event each.
      const { state: importState, position } = after.backfill
      if (importState !== before.backfill.state || position !== before.backfill.position) invalidate('jobs', 'printers', 'analytics')
    },
    job({ id }) {
      reported.add(id)
      invalidate('jobs', 'printers', 'analytics')
    },
    printers: () => invalidate('printers'),
    heartbeat: () => {},
  }
  const gathered = new Map<number, PrinterStatus>()
  function show() {
    for (const [id, status] of gathered) statuses.set(id, status)
    gathered.clear()
  }
  let reported = new Set<number>()
  const pending = new Set<string>()
  /** Many rows change at once during an import: the queries are invalidated from time to time only. */
  function invalidate(...keys: string[]) {
    if (pending.size === 0) setTimeout(refetch, PAUSE)
    for (const key of keys) pending.add(key)
  }
  function refetch() {
    const keys = [...pending]
    pending.clear()
    if (keys.includes('jobs')) jobChanges.value += 1
    if (reported.size > 0) changedJobs.value = reported
    reported = new Set()
    for (const key of keys) {
      const filter = { queryKey: [key], predicate: ({ state: { data } }: { state: { data: unknown } }) => refetchesItself(data) }
      // A request in flight may have been answered before the change: it is finished, and repeated in the next round.
      if (queries.isFetching(filter) > 0) invalidate(key)
      void queries.invalidateQueries(filter, { cancelRefetch: false })
    }
  }
  watch(
    isSignedIn,
    (signedIn, _before, onCleanup) => {
      if (!signedIn) return
      state.value = 'connecting'
      const onState = (next: LiveState) => {
        state.value = next
      }
      const onEvent = <Name extends keyof LiveEvents>(name: Name, data: LiveEvents[Name]) => handlers[name](data)
      const stop = followSharedLive({ url: `${BASE_URL}/api/live`, onState, onEvent })
      onCleanup(() => {
        stop()
        gathered.clear()
        statuses.clear()
        hasSnapshot = false
      })
    },
    { immediate: true },
  )
}
