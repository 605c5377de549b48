/**
 * Signing in. The API key is sent once; the server answers with an HttpOnly, SameSite cookie, which no script can
 * read.
 *
 *     POST   /api/session  {"key": "3dp_…"}  200 Session and the cookie, 401 wrong key
 *     GET    /api/session                    200 Session, 204 not signed in
 *     DELETE /api/session                    204, the cookie is removed
 *
 * With a server that has no such routes the key itself is sent, and forgotten when the page is left.
 */
import { BASE_URL, hasRoute, request, sendKey } from './client'

export interface Session {
  /** Name of the key that was used. `null` if the server does not tell. */
  name: string | null
  /** `3dp_` and the first 8 characters of the key. */
  key_prefix: string
  /** When one has to sign in again. `null`: not before the browser is closed. */
  expires_at: string | null
}

/** Of a key, as much as may be shown. */
const PREFIX = '3dp_'.length + 8

const HAS_SESSIONS = hasRoute('POST /api/session')
const URL_OF_SESSION = `${BASE_URL}/api/session`

/** The session of this browser. `null` if it has none. */
export async function readSession(): Promise<Session | null> {
  if (!HAS_SESSIONS) return null
  const response = await request(URL_OF_SESSION)
  return response.status === 204 ? null : ((await response.json()) as Session)
}

export async function openSession(key: string): Promise<Session> {
  if (!HAS_SESSIONS) return await tryKey(key)
  const response = await request(URL_OF_SESSION, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  })
  return (await response.json()) as Session
}

export async function closeSession(): Promise<void> {
  if (HAS_SESSIONS) await request(URL_OF_SESSION, { method: 'DELETE' })
  sendKey(null)
}

async function tryKey(key: string): Promise<Session> {
  sendKey(key)
  try {
    await request(`${BASE_URL}/api/printers`)
  } catch (error) {
    sendKey(null)
    throw error
  }
  return { name: null, key_prefix: key.slice(0, PREFIX), expires_at: null }
}
