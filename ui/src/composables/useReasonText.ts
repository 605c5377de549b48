/** The reason for a rating; built-in ones are in the reader's language. */
import { useServerText } from './useServerText'

export function useReasonText() {
  const serverText = useServerText()
  /** `key` is the server's name of a built-in reason. */
  return (name: string, key: string | null | undefined): string => (key ? serverText(`reasons.builtIn.${key}`, {}, name) : name)
}
