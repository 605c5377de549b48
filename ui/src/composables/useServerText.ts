/** Sentences of the server, in the reader's language. */
import { useI18n } from 'vue-i18n'

type Params = Record<string, unknown> | undefined

/** The variable parts as texts; a list is written with commas. */
function named(params: Params) {
  return Object.fromEntries(
    Object.entries(params ?? {}).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)]),
  )
}

export function useServerText() {
  const { t, te } = useI18n()
  /** The text at `key`. The server's own, if it sends a message that this dashboard does not know. */
  return (key: string, params: Params, own: string): string =>
    te(key, 'en') ? t(key, named(params), { plural: Number(params?.count ?? 1) }) : own
}
