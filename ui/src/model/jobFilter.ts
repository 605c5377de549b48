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

/** Limits of an amount, both included. `null`: no limit. */
export interface Range {
  min: number | null
  max: number | null
}

/** In lists of values, an empty text selects the jobs whose value is unknown. */
export interface JobFilter {
  printers: number[]
  statuses: JobStatus[]
  causes: string[]
  /** First and last day of the start, in the reader's zone. */
  from: Day | null
  to: Day | null
  materials: string[]
  slicers: string[]
  users: string[]
  verdicts: Verdict[]
  reasons: string[]
  tags: string[]
  /** Hours of print time. */
  hours: Range
  /** Metres of filament. */
  metres: Range
  /** Part of the file name, of the title, the notes, a tag or a reason. */
  text: string | null
}

const NO_RANGE: Range = { min: null, max: null }
export const NO_FILTER: JobFilter = {
  printers: [], statuses: [], causes: [], from: null, to: null, materials: [], slicers: [], users: [], verdicts: [], reasons: [], tags: [],
  hours: NO_RANGE, metres: NO_RANGE, text: null,
}
/** The lists of values, and their names in the URL and in the API. */
const VALUES = [
  ['causes', 'cause', 'cause'], ['materials', 'material', 'filament_type'], ['slicers', 'slicer', 'slicer'], ['users', 'user', 'user'],
  ['reasons', 'reason', 'verdict_reason'],
] as const
export type ValueKey = (typeof VALUES)[number][0]

/** The statuses of a failed job. */
export const FAILED = ['error', 'interrupted'] as const satisfies readonly JobStatus[]

const DIMENSIONS = { material: 'materials', slicer: 'slicers', cause: 'causes', reason: 'reasons' } as const
export type Dimension = 'printer' | 'file' | keyof typeof DIMENSIONS

/** The filter for the jobs of a group of the analytics. `null` where no filter selects exactly these. */
export function groupJobs(
  filter: JobFilter,
  dimension: Dimension | null,
  { key, printer_id: printerId }: { key: string | null; printer_id: number | null },
): JobFilter | null {
  if (dimension === 'printer') return printerId === null ? null : { ...filter, printers: [printerId] }
  if (dimension === 'file') return key === null ? null : { ...filter, text: key }
  return dimension === null ? null : { ...filter, [DIMENSIONS[dimension]]: [key ?? ''] }
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
  const amount = (name: string) => {
    const text = one(name)
    const value = Number(text)
    return text !== null && Number.isFinite(value) && value >= 0 ? value : null
  }
  const values = Object.fromEntries(VALUES.map(([key, name]) => [key, all(name).map((value) => value.trim().slice(0, 255))])) as Pick<JobFilter, ValueKey>
  return {
    ...values,
    printers: all('printer').map(Number).filter((id) => Number.isSafeInteger(id) && id > 0),
    statuses: all('status').filter(isStatus),
    from: day('from'),
    to: day('to'),
    verdicts: all('verdict').filter(isVerdict),
    tags: all('tag').map((tag) => tag.trim().slice(0, 64)).filter((tag) => tag !== '' && !tag.includes(',')),
    hours: { min: amount('minHours'), max: amount('maxHours') },
    metres: { min: amount('minMetres'), max: amount('maxMetres') },
    text: one('q'),
  }
}

export function filterToQuery(filter: JobFilter): LocationQueryRaw {
  const query: LocationQueryRaw = {}
  if (filter.text) query.q = filter.text
  if (filter.printers.length > 0) query.printer = filter.printers.map(String)
  if (filter.statuses.length > 0) query.status = filter.statuses
  for (const [key, name] of VALUES) if (filter[key].length > 0) query[name] = filter[key]
  if (filter.verdicts.length > 0) query.verdict = filter.verdicts
  if (filter.tags.length > 0) query.tag = filter.tags
  const limits = { minHours: filter.hours.min, maxHours: filter.hours.max, minMetres: filter.metres.min, maxMetres: filter.metres.max }
  for (const [name, value] of Object.entries(limits)) if (value !== null) query[name] = String(value)
  if (filter.from) query.from = filter.from
  if (filter.to) query.to = filter.to
  return query
}

const SECONDS_PER_HOUR = 3600
const MM_PER_METRE = 1000

/** The parameters of `GET /api/jobs`, and of all other routes that take its filters. */
export function filterToParameters(filter: JobFilter, timeZone: string | null) {
  const { hours, metres } = filter
  return {
    ...(filter.printers.length > 0 && { printer_id: filter.printers }),
    ...(filter.statuses.length > 0 && { status: filter.statuses }),
    ...(filter.causes.length > 0 && { cause: filter.causes }),
    ...(filter.from && { since: startOfDay(filter.from, timeZone).toISOString() }),
    ...(filter.to && { until: startOfDay(shiftDay(filter.to, 1), timeZone).toISOString() }),
    ...(filter.materials.length > 0 && { filament_type: filter.materials }),
    ...(filter.slicers.length > 0 && { slicer: filter.slicers }),
    ...(filter.users.length > 0 && { user: filter.users }),
    ...(filter.verdicts.length > 0 && { verdict: filter.verdicts }),
    ...(filter.reasons.length > 0 && { verdict_reason: filter.reasons }),
    ...(filter.tags.length > 0 && { tag: filter.tags }),
    ...(hours.min !== null && { print_duration_min: hours.min * SECONDS_PER_HOUR }),
    ...(hours.max !== null && { print_duration_max: hours.max * SECONDS_PER_HOUR }),
    ...(metres.min !== null && { filament_used_min: metres.min * MM_PER_METRE }),
    ...(metres.max !== null && { filament_used_max: metres.max * MM_PER_METRE }),
    ...(filter.text && { q: filter.text }),
  }
}

/** How many kinds of restrictions there are. */
export function restrictions(filter: JobFilter): number {
  return Object.keys(filterToQuery(filter)).length
}
