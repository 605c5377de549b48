/** What to show of a printer at a glance: one word and one colour for all that its status says. */
import type { PrinterStatus } from '@/api/live'

export const PRINTER_STATES = [
  'unknown', 'disabled', 'connecting', 'unreachable', 'unauthorized', 'printing', 'paused', 'ready', 'startup', 'error', 'shutdown', 'disconnected',
] as const
export type PrinterState = (typeof PRINTER_STATES)[number]

/** `undefined`: nothing was heard of it yet. */
export function printerState(status: PrinterStatus | undefined): PrinterState {
  if (!status) return 'unknown'
  const word = status.connection.state === 'connected' ? (status.job?.status ?? status.klippy_state) : status.connection.state
  return PRINTER_STATES.find((state) => state === word) ?? 'unknown'
}

/** When the print should end. `null` while it is paused, if that is not known, and when the time has passed. */
export function etaOf(job: PrinterStatus['job'] | undefined, now: Date): string | null {
  if (!job?.eta || job.status === 'paused') return null
  return Date.parse(job.eta) > now.getTime() ? job.eta : null
}

/** Colour of the dot and the word. */
export const TONES: Record<PrinterState, string> = {
  unknown: 'text-cancelled',
  disabled: 'text-cancelled',
  connecting: 'text-cancelled',
  unreachable: 'text-cancelled',
  unauthorized: 'text-error',
  printing: 'text-printing',
  paused: 'text-paused',
  ready: 'text-completed',
  startup: 'text-paused',
  error: 'text-error',
  shutdown: 'text-error',
  disconnected: 'text-error',
}

/** Heaters by their importance: nozzles, the bed, the chamber, then the rest by name. */
export function sortedTemperatures(temperatures: PrinterStatus['temperatures']) {
  const rank = (name: string) => {
    if (name.startsWith('extruder')) return 0
    if (name === 'heater_bed') return 1
    return name.includes('chamber') ? 2 : 3
  }
  return Object.entries(temperatures)
    .map(([name, heater]) => ({ name, ...heater }))
    .sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name, 'en', { numeric: true }))
}
