/** Who is signed in at this browser. */
import { computed, shallowRef } from 'vue'
import { whenSignedOut } from '@/api/client'
import { closeSession, openSession, readSession, type Session } from '@/api/session'

/** `undefined`: not asked yet. `null`: signed out. */
const session = shallowRef<Session | null | undefined>()

whenSignedOut(() => {
  if (session.value) session.value = null
})

/** Asks the server once; later calls use the answer. */
async function restore() {
  if (session.value === undefined) session.value = await readSession()
  return session.value
}

async function signIn(key: string) {
  session.value = await openSession(key.trim())
}

async function signOut() {
  await closeSession()
  session.value = null
}

export function useSession() {
  return {
    session,
    isSignedIn: computed(() => Boolean(session.value)),
    /** Whether the key may do more than look; the server refuses the rest in any case. */
    mayChange: computed(() => session.value?.scope === 'admin'),
    restore,
    signIn,
    signOut,
  }
}
