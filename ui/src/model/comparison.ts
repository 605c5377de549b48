/** The periods that figures are compared with, and when a comparison would mislead. */
export const BASES = ['previous', 'last_month', 'last_year'] as const
export type Base = (typeof BASES)[number]

/** A comparison is omitted when the value is missing for a greater share of the jobs, as by the server. */
const TOLERATED_MISSING = 0.05

export function isComplete({ missing, jobs }: { missing: number; jobs: number }): boolean {
  return jobs === 0 || missing / jobs <= TOLERATED_MISSING
}
