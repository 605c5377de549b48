/** What the server says of a printer, in the reader's language. */
import type { components } from '@/api/schema'
import { useServerText } from './useServerText'

type Schemas = components['schemas']
interface Refusal {
  reason: string | null
  trouble: Schemas['ConnectionTrouble'] | null
}

export function usePrinterText() {
  const serverText = useServerText()
  return {
    /** Why it is not connected. Empty if it is. */
    connectionText: ({ reason, trouble }: Refusal): string => (trouble ? serverText(`connection.${trouble.code}`, trouble.params, reason ?? '') : (reason ?? '')),
    /** Why its jobs, or changes of them, are not stored. Empty if they are. */
    databaseText: ({ database_trouble: reason, database_trouble_key: key }: Pick<Schemas['PrinterStatus'], 'database_trouble' | 'database_trouble_key'>): string =>
      key ? serverText(`printer.database.${key}`, {}, reason ?? '') : (reason ?? ''),
    /** What its Moonraker lacks, and what that means. */
    limitationText: ({ capability, reason, cause, is_slow: isSlow }: Schemas['PrinterLimitation']): string =>
      serverText(isSlow ? 'limitations.too_slow' : `limitations.${capability}`, { capability, cause }, reason),
  }
}
