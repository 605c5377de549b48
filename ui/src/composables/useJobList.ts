/** The list of jobs as it was last shown, so that a page of one job leads back to it. */
import { shallowRef } from 'vue'
import { useRouter, type LocationQuery } from 'vue-router'

const lastQuery = shallowRef<LocationQuery>({})

export function useJobList() {
  const router = useRouter()
  return {
    remember(query: LocationQuery) {
      lastQuery.value = query
    },
    route: () => ({ name: 'jobs', query: lastQuery.value }),
    /** Back in the history where the list is the previous entry, which restores its scroll position too. */
    async open() {
      const route = { name: 'jobs', query: lastQuery.value }
      const { back } = window.history.state as { back?: string | null }
      if (back === router.resolve(route).fullPath) router.back()
      else await router.push(route)
    },
  }
}
