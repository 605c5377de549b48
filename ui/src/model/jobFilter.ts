/** Filters for jobs, as in the URL of a page and as parameters of the API. */
import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import { isDay, shiftDay, startOfDay, type Day } from './days'

export const STATUSES = ['printing', 'paused', 'completed', 'error', 'cancelled', 'interrupted'] as const
export type JobStatus = (typeof STATUSES)[number]

export const VERDICTS = ['good', 'partly_good', 'scrap'] as const
export type Verdict = (typeof VERDICTS)[number]

/** Which jobs come first, as the API has it: by their start, or the least of a column, or the most with a minus. */
export const SORTS = [
  'newest', 'oldest', '-print_duration', 'print_duration', '-total_duration', 'total_duration', '-filament_used', 'filament_used',
] as const
export type JobSort = (typeof SORTS)[number]

/** The message that says it. */
export function sortMessage(sort: JobSort): string {
  return `jobs.sorts.${sort.replace('-', 'most_')}`
}

export interface JobFilter {
  printers: number[]
  statuses: JobStatus[]
  /** First and last day of the start, in the reader's zone. */
  from: Day | null
  to: Day | null
  material: string | null
  slicer: string | null
  verdicts: Verdict[]
  tags: string[]
  /** Part of the file name, of the title, the notes or a tag. */
  text: string | null
}

export const NO_FILTER: JobFilter = { printers: [], statuses: [], from: null, to: null, material: null, slicer: null, verdicts: [], tags: [], text: null }

/** The statuses of a failed job. */
export const FAILED = ['error', 'interrupted'] as const satisfies readonly JobStatus[]

/** The filter for the jobs of a group of the analytics. `null` where no filter selects exactly these. */
export function groupJobs(
  filter: JobFilter,
  dimension: 'printer' | 'material' | 'slicer' | null,
  { key, printer_id: printerId }: { key: string | null; printer_id: number | null },
): JobFilter | null {
  if (dimension === 'printer') return printerId === null ? null : { ...filter, printers: [printerId] }
  if (dimension === null || key === null) return null
  return { ...filter, [dimension]: key }
}

export function isStatus(text: unknown): text is JobStatus {
  return STATUSES.some((status) => status === text)
}

export function isVerdict(text: unknown): text is Verdict {
  return VERDICTS.some((verdict) => verdict === text)
}

/** Takes what is valid from the URL, into which users can write anything. */
export function filterFromQuery(query: LocationQuery): JobFilter {
  const all = (name: string) => [query[name] ?? []].flat().filter((value) => value !== null)
  const one = (name: string) => all(name)[0]?.trim().slice(0, 255) || null
  const day = (name: string) => {
    const text = one(name)
    return isDay(text) ? text : null
  }
  return {
    printers: all('printer').map(Number).filter((id) => Number.isSafeInteger(id) && id > 0),
    statuses: all('status').filter(isStatus),
    from: day('from'),
    to: day('to'),
    material: one('material'),
    slicer: one('slicer'),
    verdicts: all('verdict').filter(isVerdict),
    tags: all('tag').map((tag) => tag.trim().slice(0, 64)).filter((tag) => tag !== '' && !tag.includes(',')),
    text: one('q'),
  }
}

export function filterToQuery(filter: JobFilter): LocationQueryRaw {
  const query: LocationQueryRaw = {}
  if (filter.text) query.q = filter.text
  if (filter.printers.length > 0) query.printer = filter.printers.map(String)
  if (filter.statuses.length > 0) query.status = filter.statuses
  if (filter.material) query.material = filter.material
  if (filter.slicer) query.slicer = filter.slicer
  if (filter.verdicts.length > 0) query.verdict = filter.verdicts
  if (filter.tags.length > 0) query.tag = filter.tags
  if (filter.from) query.from = filter.from
  if (filter.to) query.to = filter.to
  return query
}

/** The parameters of `GET /api/jobs`, and of whatever else takes its filters. */
export function filterToParameters(filter: JobFilter, timeZone: string | null) {
  return {
    ...(filter.printers.length > 0 && { printer_id: filter.printers }),
    ...(filter.statuses.length > 0 && { status: filter.statuses }),
    ...(filter.from && { since: startOfDay(filter.from, timeZone).toISOString() }),
    ...(filter.to && { until: startOfDay(shiftDay(filter.to, 1), timeZone).toISOString() }),
    ...(filter.material && { filament_type: [filter.material] }),
    ...(filter.slicer && { slicer: [filter.slicer] }),
    ...(filter.verdicts.length > 0 && { verdict: filter.verdicts }),
    ...(filter.tags.length > 0 && { tag: filter.tags }),
    ...(filter.text && { q: filter.text }),
  }
}

/** How many kinds of restrictions there are. */
export function restrictions(filter: JobFilter): number {
  return Object.keys(filterToQuery(filter)).length
}
