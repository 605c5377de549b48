import { describe, expect, it } from 'vitest'
import type { PrinterStatus } from '@/api/live'
import { etaOf, printerState, sortedTemperatures } from './printerState'

const status = (connection: string, klippy: string | null, job?: string) =>
  ({ connection: { state: connection }, klippy_state: klippy, job: job ? { status: job } : null }) as PrinterStatus

describe('the state of a printer', () => {
  it('is the connection, then the job, then Klipper', () => {
    expect(printerState(undefined)).toBe('unknown')
    expect(printerState(status('unreachable', null))).toBe('unreachable')
    expect(printerState(status('unreachable', null, 'printing'))).toBe('unreachable')
    expect(printerState(status('connected', 'ready', 'paused'))).toBe('paused')
    expect(printerState(status('connected', 'shutdown'))).toBe('shutdown')
    expect(printerState(status('connected', null))).toBe('unknown')
    expect(printerState(status('connected', 'a new word'))).toBe('unknown')
  })

  it('shows nozzles first, then the bed and the chamber', () => {
    const names = ['heater_bed', 'temperature_sensor pi', 'extruder10', 'heater_generic chamber', 'extruder', 'extruder2']
    const temperatures = Object.fromEntries(names.map((name) => [name, { temperature: 20, target: null }]))
    expect(sortedTemperatures(temperatures).map(({ name }) => name)).toEqual([
      'extruder', 'extruder2', 'extruder10', 'heater_bed', 'heater_generic chamber', 'temperature_sensor pi',
    ])
  })

  it('has no ETA that is paused, past or unknown', () => {
    const now = new Date('2026-03-01T12:00:00Z')
    const job = (word: string, eta: string | null) => ({ status: word, eta }) as PrinterStatus['job']
    expect(etaOf(job('printing', '2026-03-01T12:00:01Z'), now)).toBe('2026-03-01T12:00:01Z')
    expect(etaOf(job('printing', '2026-03-01T12:00:00Z'), now)).toBeNull()
    expect(etaOf(job('printing', '2026-03-01T11:00:00Z'), now)).toBeNull()
    expect(etaOf(job('paused', '2026-03-01T12:00:01Z'), now)).toBeNull()
    expect(etaOf(job('printing', null), now)).toBeNull()
    expect(etaOf(undefined, now)).toBeNull()
  })
})
