import { createSharedComposable, useIntervalFn, useNow as useVueUseNow } from '@vueuse/core'

/** The current time, to ten seconds. One timer for the whole page. */
export const useNow = createSharedComposable(() => useVueUseNow({ scheduler: (update) => useIntervalFn(update, 10_000) }))
