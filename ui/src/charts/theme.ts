/** The colours of the page, as a canvas takes them. */
import { STATUSES, type JobStatus } from '@/model/jobFilter'

export interface ChartTheme {
  ink: string
  muted: string
  line: string
  ground: string
  empty: string
  accent: string
  status: Record<JobStatus, string>
  /** Of series without a meaning of their own, such as printers. */
  series: string[]
}

/** Hues that most eyes distinguish; lightness changes with them. */
const SERIES = [
  'light-dark(oklch(0.52 0.13 247), oklch(0.68 0.13 245))', 'light-dark(oklch(0.72 0.14 70), oklch(0.8 0.13 78))',
  'light-dark(oklch(0.55 0.12 160), oklch(0.74 0.13 158))', 'light-dark(oklch(0.55 0.16 330), oklch(0.72 0.14 328))',
  'light-dark(oklch(0.7 0.1 210), oklch(0.82 0.09 208))', 'light-dark(oklch(0.5 0.15 290), oklch(0.66 0.15 290))',
  'light-dark(oklch(0.6 0.16 30), oklch(0.74 0.14 30))', 'light-dark(oklch(0.66 0.12 125), oklch(0.8 0.13 125))',
  'light-dark(oklch(0.45 0.06 258), oklch(0.86 0.03 258))', 'light-dark(oklch(0.78 0.08 20), oklch(0.62 0.1 15))',
]

/** Reads the colours as they are now, in light or in dark. */
export function readTheme(): ChartTheme {
  const probe = document.createElement('span')
  document.body.append(probe)
  const colour = (css: string) => {
    probe.style.color = css
    return asRgb(getComputedStyle(probe).color)
  }
  const theme = {
    ink: colour('var(--ink)'),
    muted: colour('var(--muted)'),
    line: colour('var(--line)'),
    ground: colour('var(--surface)'),
    empty: colour('var(--sunken)'),
    accent: colour('var(--accent)'),
    status: Object.fromEntries(STATUSES.map((status) => [status, colour(`var(--chart-${status})`)])) as Record<JobStatus, string>,
    series: SERIES.map(colour),
  }
  probe.remove()
  return theme
}

/** Chart.js computes with colours, and does not know those of CSS 4. */
function asRgb(css: string): string {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  if (!context) return css
  context.fillStyle = css
  context.fillRect(0, 0, 1, 1)
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data
  return `rgb(${red}, ${green}, ${blue})`
}

/** A colour between two, both as `rgb(…)`. `share` of 0 is the first. */
export function between(from: string, to: string, share: number): string {
  const parts = (text: string) => (text.match(/\d+/g) ?? []).map(Number)
  const end = parts(to)
  const mixed = parts(from).map((part, index) => Math.round(part + ((end[index] ?? part) - part) * share))
  return `rgb(${mixed.join(', ')})`
}
