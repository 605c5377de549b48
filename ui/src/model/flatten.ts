/** A JSON value as rows of a table, for values of unknown shape. */
export interface Row {
  /** Path to the value: `a.b`, `a.0`. */
  key: string
  value: string
}

/** More rows than this are of no use to a reader. */
const MOST = 5_000

export function flatten(value: unknown): Row[] {
  const rows: Row[] = []
  walk(value, '', rows)
  return rows
}

function walk(value: unknown, key: string, rows: Row[]) {
  if (rows.length >= MOST) return
  if (value === null || typeof value !== 'object') {
    rows.push({ key, value: String(value) })
    return
  }
  if (Array.isArray(value) && value.every((item) => item === null || typeof item !== 'object')) {
    rows.push({ key, value: value.join(', ') })
    return
  }
  for (const [name, inner] of Object.entries(value)) walk(inner, key ? `${key}.${name}` : name, rows)
}

/** The rows whose key or value contains every word. */
export function search(rows: readonly Row[], text: string): Row[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return rows.filter(({ key, value }) => {
    const line = `${key} ${value}`.toLowerCase()
    return words.every((word) => line.includes(word))
  })
}
