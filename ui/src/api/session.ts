/**
 * Signing in. The API key is sent once; the server answers with an HttpOnly, SameSite cookie, which no script can
 * read.
 *
 *     POST   /api/session  {"key": "3dp_…"}  200 Session and the cookie, 401 wrong key
 *     GET    /api/session                    200 Session, 204 not signed in
 *     DELETE /api/session                    204, the cookie is removed
 */
import { BASE_URL, request } from './client'
import type { components } from './schema'

export type Session = components['schemas']['Session']

const URL_OF_SESSION = `${BASE_URL}/api/session`

/** The session of this browser. `null` if it has none. */
export async function readSession(): Promise<Session | null> {
  const response = await request(URL_OF_SESSION)
  return response.status === 204 ? null : ((await response.json()) as Session)
}

export async function openSession(key: string): Promise<Session> {
  const response = await request(URL_OF_SESSION, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  })
  return (await response.json()) as Session
}

export async function closeSession(): Promise<void> {
  await request(URL_OF_SESSION, { method: 'DELETE' })
}
