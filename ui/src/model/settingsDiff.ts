/** Settings of two files that differ. */
import type { Row } from './flatten'

export interface SettingDifference {
  key: string
  /** `null`: the file does not have it. */
  here: string | null
  there: string | null
}

export function settingsDiff(here: readonly Row[], there: readonly Row[]): SettingDifference[] {
  const first = new Map(here.map(({ key, value }) => [key, value]))
  const second = new Map(there.map(({ key, value }) => [key, value]))
  return [...new Set([...first.keys(), ...second.keys()])]
    .map((key) => ({ key, here: first.get(key) ?? null, there: second.get(key) ?? null }))
    .filter((one) => one.here !== one.there)
    .toSorted((a, b) => a.key.localeCompare(b.key, 'en'))
}
