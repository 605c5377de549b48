/** Files in the orders that the analytics offer. */
import type { components } from '@/api/schema'

type FileFigures = components['schemas']['FileFigures']
export interface RankedFile extends FileFigures {
  failed: number
  /** Filament of failed and cancelled runs in g: their share of all runs, as the API has sums per file only. */
  lost: number | null
}

export const FILE_ORDERS = ['printed', 'failed', 'success', 'lost'] as const
export type FileOrder = (typeof FILE_ORDERS)[number]

/** A success rate of fewer runs is mostly chance. */
const ENOUGH_RUNS = 3

export function sortFiles(items: readonly FileFigures[], order: FileOrder): RankedFile[] {
  const files = items.map((file): RankedFile => {
    const { error, interrupted, cancelled } = file.by_status
    const isKnown = file.filament_g !== null && file.jobs > 0
    return { ...file, failed: error + interrupted, lost: isKnown ? ((file.filament_g ?? 0) * (error + interrupted + cancelled)) / file.jobs : null }
  })
  if (order === 'printed') return files
  if (order === 'success') {
    return files
      .filter(({ success_rate: rate, success_rate_of: of }) => rate !== null && of >= ENOUGH_RUNS)
      .toSorted((a, b) => (a.success_rate ?? 0) - (b.success_rate ?? 0) || b.jobs - a.jobs)
  }
  const amount = (file: RankedFile) => (order === 'failed' ? file.failed : (file.lost ?? 0))
  return files.filter((file) => amount(file) > 0).toSorted((a, b) => amount(b) - amount(a))
}
