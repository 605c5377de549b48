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

/** Counts the times that jobs were told to have changed. */
const jobChanges = shallowRef(0)
/** Ids of the jobs that were told to have changed lately. */
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

/** Between two rounds of reading anew what has changed, in ms. */
const PAUSE = 1_500
/** News of printers are shown together: drawing once for hundreds of them takes little longer than for one. In ms. */
const GATHER = 250
/** Whoever has scrolled further than so many pages does not look at what is new, and is told that there is something. */
const PAGES = 4

/** Whether what a query has read is read anew when something changes. */
export function isReadAnew(data: unknown) {
  const pages = data !== null && typeof data === 'object' && 'pages' in data ? data.pages : null
  return !Array.isArray(pages) || pages.length <= PAGES
}

/** Follows the stream while `isSignedIn`, and makes the queries read anew what it says has changed. */
export function runLive(isSignedIn: Ref<boolean>, queries: QueryClient) {
  let wasGreeted = false
  const handlers: { [Name in keyof LiveEvents]: (data: LiveEvents[Name]) => void } = {
    hello({ version, printers }) {
      isOutdated.value = serverVersion.value !== null && serverVersion.value !== version
      serverVersion.value ??= version
      gathered.clear()
      statuses.clear()
      for (const printer of printers) statuses.set(printer.printer_id, printer)
      // Changes before this event were not reported: during a cut, or after a page had read its data.
      if (wasGreeted) void queries.invalidateQueries()
      else invalidate('jobs', 'printers', 'analytics')
      wasGreeted = true
    },
    status({ printer_id: id, ...changed }) {
      const before = gathered.get(id) ?? statuses.get(id)
      // The first of a new printer has all fields.
      const after = before ? { ...before, ...changed } : isWhole(changed) ? { printer_id: id, ...changed } : null
      if (!after) return
      if (gathered.size === 0) setTimeout(show, GATHER)
      gathered.set(id, after)
      if (!before) return
      // Jobs that are imported are not told one by one.
      const { state: importState, position } = after.backfill
      if (importState !== before.backfill.state || position !== before.backfill.position) invalidate('jobs', 'printers', 'analytics')
    },
    job({ id }) {
      told.add(id)
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
  let told = new Set<number>()
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
    if (told.size > 0) changedJobs.value = told
    told = new Set()
    for (const key of keys) {
      const filter = { queryKey: [key], predicate: ({ state: { data } }: { state: { data: unknown } }) => isReadAnew(data) }
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
        wasGreeted = false
      })
    },
    { immediate: true },
  )
}
