/** The typed client of the REST API: the only caller of its routes. */
import createClient from 'openapi-fetch'
import type { components, paths } from './schema'

export type Problem = components['schemas']['Problem']
export type FieldError = components['schemas']['FieldError']

/** Where printlog is reached, without a slash at the end: an origin, or an origin and a path. */
export const BASE_URL = new URL('.', document.baseURI).href.replace(/\/$/, '')

/** A request that was refused, or that did not reach the server. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    /** HTTP status. 0: no answer. */
    readonly status: number,
    /** What the server says of it. `null` if nothing readable came back. */
    readonly problem: Problem | null,
    options?: ErrorOptions,
  ) {
    super(problem?.detail ?? (status === 0 ? 'no answer' : `HTTP ${status}`), options)
  }

  /** What is wrong with a field of the request. */
  field(name: string): FieldError | undefined {
    return this.problem?.errors?.find((error) => error.field === name)
  }
}

/** Called when the server no longer accepts the session. */
let onSignedOut: () => void = () => {}

export function whenSignedOut(listener: () => void) {
  onSignedOut = listener
}

/** `fetch` with the session's cookie, whose failures are `ApiError`s. */
export async function request(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const wanted = new Request(input, { credentials: 'same-origin', ...init })
  let response: Response
  try {
    response = await fetch(wanted)
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw new ApiError(0, null, { cause })
  }
  if (response.ok) return response
  if (response.status === 401) onSignedOut()
  throw new ApiError(response.status, await problemOf(response))
}

async function problemOf(response: Response): Promise<Problem | null> {
  if (!response.headers.get('content-type')?.includes('json')) return null
  const value: unknown = await response.json().catch(() => null)
  return value !== null && typeof value === 'object' && 'detail' in value ? (value as Problem) : null
}

export const client = createClient<paths>({ baseUrl: BASE_URL, fetch: request })

/** The body of an answer; `request` has thrown if there is none. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T
}
