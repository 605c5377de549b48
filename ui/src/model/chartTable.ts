/** The numbers behind a chart as a table that can be sorted and leads to the jobs of a row. */
import type { JobFilter } from './jobFilter'

export interface Cell {
  text: string
  /** For sorting. `null`: unknown, always last. */
  value: number | string | null
}

export interface ChartRow {
  cells: Cell[]
  /** The jobs that the row is about. `null`: no filter selects exactly these. */
  jobs?: JobFilter | null
}

export interface ChartTable {
  columns: string[]
  rows: ChartRow[]
}

export interface SortOrder {
  column: number
  isDescending: boolean
}

export function textCell(text: string): Cell {
  return { text, value: text }
}

export function numberCell(value: number | null | undefined, show: (value: number | null | undefined) => string): Cell {
  return { text: show(value), value: value ?? null }
}

/** Rows in the order of a column; unknown values are last in both directions. */
export function sortRows(rows: readonly ChartRow[], order: SortOrder | null): ChartRow[] {
  if (order === null) return [...rows]
  const { compare } = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })
  const valueOf = (row: ChartRow) => row.cells[order.column]?.value ?? null
  return rows.toSorted((first, second) => {
    const a = valueOf(first)
    const b = valueOf(second)
    if (a === null || b === null) return Number(a === null) - Number(b === null)
    const ascending = typeof a === 'number' && typeof b === 'number' ? a - b : compare(String(a), String(b))
    return order.isDescending ? -ascending : ascending
  })
}

/** A long label, shortened in the middle: names of files differ at their ends. */
export function shortenMiddle(text: string, longest: number): string {
  const letters = [...text]
  if (letters.length <= longest) return text
  const end = Math.floor((longest - 1) / 2)
  return `${letters.slice(0, longest - 1 - end).join('')}…${letters.slice(letters.length - end).join('')}`
}
