/** What the charts of the analytics look like, as Chart.js takes it. Values and texts come from outside. */
import type { ChartConfiguration } from 'chart.js'
import type { MatrixDataPoint } from 'chartjs-chart-matrix'
import { shortenMiddle } from '@/model/chartTable'
import { between, type ChartTheme } from './theme'

export type MakeConfig = (theme: ChartTheme) => ChartConfiguration

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
/** Longer names are shortened at the axis, more on a phone; the tooltip and the table have them in full. */
const LONGEST = 26

type Show = (value: number) => string

const font = { family: FONT, size: 12 }
const shortened = (text: string) => {
  const longest = window.innerWidth < 640 ? LONGEST / 2 : LONGEST
  return shortenMiddle(text, longest)
}

/** `values`: what stands along it. Of whole amounts there are no parts. */
function scale(theme: ChartTheme, { grid = false, show, values = [] }: { grid?: boolean; show?: Show; values?: readonly number[] } = {}) {
  return {
    grid: { display: grid, color: theme.line, drawTicks: false },
    border: { display: false },
    ticks: {
      color: theme.muted,
      font,
      padding: 6,
      maxRotation: 0,
      autoSkipPadding: 12,
      ...(values.length > 0 && values.every(Number.isInteger) && { precision: 0 }),
      ...(show && { callback: (value: string | number) => show(Number(value)) }),
    },
  }
}

function tooltip(theme: ChartTheme) {
  return {
    backgroundColor: theme.ink,
    titleColor: theme.ground,
    bodyColor: theme.ground,
    titleFont: font,
    bodyFont: font,
    padding: 10,
    cornerRadius: 8,
    boxPadding: 4,
  }
}

const legend = (theme: ChartTheme) => ({
  position: 'bottom' as const,
  align: 'start' as const,
  labels: { color: theme.muted, font, boxWidth: 10, boxHeight: 10, useBorderRadius: true, borderRadius: 3 },
})

export interface Series {
  label: string
  values: readonly number[]
  colour: string
}

interface StackedBars {
  labels: string[]
  series: (theme: ChartTheme) => Series[]
  show: Show
  /** Text of one part of a bar; by default that of its value. */
  showPart?: (value: number, series: number, bar: number) => string
  isLying?: boolean
}

/** One bar a label, its parts on top of, or behind, each other. */
export function stackedBars({ labels, series, show, showPart = show, isLying = false }: StackedBars): MakeConfig {
  const amounts = isLying ? 'x' : 'y'
  return (theme) => ({
    type: 'bar',
    data: {
      labels,
      datasets: series(theme).map(
        ({ label, values, colour }) => ({
          label, data: [...values], backgroundColor: colour, stack: 'all', borderRadius: 2, maxBarThickness: 40, categoryPercentage: 0.9, barPercentage: 0.9,
        }),
      ),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      indexAxis: isLying ? 'y' : 'x',
      interaction: { mode: 'index', axis: isLying ? 'y' : 'x', intersect: false },
      scales: {
        [amounts]: { ...scale(theme, { grid: true, show, values: series(theme).flatMap(({ values }) => values) }), stacked: true, beginAtZero: true },
        [isLying ? 'y' : 'x']: {
          ...scale(theme), stacked: true,
          ticks: { ...scale(theme).ticks, autoSkip: !isLying, callback: (_value, index) => shortened(labels[index] ?? '') },
        },
      },
      plugins: {
        legend: legend(theme),
        tooltip: {
          ...tooltip(theme),
          filter: ({ raw }) => raw !== 0,
          callbacks: { label: ({ dataset, datasetIndex, dataIndex, raw }) => ` ${dataset.label}: ${showPart(Number(raw), datasetIndex, dataIndex)}` },
        },
      },
    },
  })
}

export interface Bar {
  label: string
  value: number
  colour?: string | undefined
  /** More about it, for the tooltip. */
  note?: string
}

/** One bar a name, lying. */
export function lyingBars({ bars, show, max }: { bars: readonly Bar[]; show: Show; max?: number }): MakeConfig {
  return (theme) => ({
    type: 'bar',
    data: {
      labels: bars.map(({ label }) => label),
      datasets: [
        {
          data: bars.map(({ value }) => value),
          backgroundColor: bars.map(({ colour }) => colour ?? theme.accent),
          // A filament may have the colour of the ground.
          borderColor: theme.muted,
          borderWidth: bars.map(({ colour }) => (colour ? 1 : 0)),
          borderRadius: 4,
          maxBarThickness: 22,
          minBarLength: 2,
        },
      ],
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      indexAxis: 'y',
      scales: {
        x: { ...scale(theme, { grid: true, show, values: bars.map(({ value }) => value) }), beginAtZero: true, ...(max !== undefined && { max }) },
        y: { ...scale(theme), ticks: { ...scale(theme).ticks, autoSkip: false, callback: (_value, index) => shortened(bars[index]?.label ?? '') } },
      },
      plugins: {
        legend: { display: false },
        tooltip: {
          ...tooltip(theme),
          displayColors: false,
          callbacks: { label: ({ dataIndex, raw }) => [show(Number(raw)), bars[dataIndex]?.note ?? ''].filter(Boolean) },
        },
      },
    },
  })
}

export interface RangeBar {
  label: string
  low: number
  middle: number
  high: number
  note?: string
}

/** From the lower to the upper quartile, with the median as a dot; the slicer's estimate is the line at 1. */
export function ranges({ bars, show }: { bars: readonly RangeBar[]; show: Show }): MakeConfig {
  return (theme) => {
    const config = {
      type: 'bar',
      data: {
        labels: bars.map(({ label }) => label),
        datasets: [
          {
            type: 'line', data: bars.map(({ middle }) => middle), showLine: false, pointRadius: 5, pointHoverRadius: 6,
            pointBackgroundColor: theme.ink, pointBorderColor: theme.ground, pointBorderWidth: 2,
          },
          {
            type: 'bar', data: bars.map(({ low, high }) => [low, high]), backgroundColor: between(theme.ground, theme.accent, 0.55),
            borderRadius: 4, borderSkipped: false, maxBarThickness: 18, minBarLength: 3,
          },
        ],
      },
      options: {
        animation: false,
        maintainAspectRatio: false,
        indexAxis: 'y',
        interaction: { mode: 'index', axis: 'y', intersect: false },
        scales: {
          x: {
            ...scale(theme, { grid: true, show }), beginAtZero: false, grace: '8%',
            grid: { color: ({ tick }: { tick?: { value: number } }) => (tick?.value === 1 ? theme.muted : theme.line), drawTicks: false },
          },
          y: { ...scale(theme), ticks: { ...scale(theme).ticks, autoSkip: false, callback: (_value: unknown, index: number) => shortened(bars[index]?.label ?? '') } },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            ...tooltip(theme),
            displayColors: false,
            filter: ({ datasetIndex }: { datasetIndex: number }) => datasetIndex === 0,
            callbacks: { label: ({ dataIndex }: { dataIndex: number }) => bars[dataIndex]?.note ?? '' },
          },
        },
      },
    }
    // Bars and dots in one chart: a mixture that the types of Chart.js cannot say.
    return config as unknown as ChartConfiguration
  }
}

export interface Cell {
  x: string
  y: string
  value: number
  note: string
}

/** Colours for amounts, as a grid. */
export function heat({ cells, xs, ys, max, everyX = 1 }: { cells: readonly Cell[]; xs: string[]; ys: string[]; max: number; everyX?: number }): MakeConfig {
  return (theme) => {
    const colourOf = (value: number) => (value === 0 ? theme.empty : between(theme.empty, theme.accent, 0.2 + 0.8 * Math.sqrt(value / max)))
    const config = {
      type: 'matrix',
      data: {
        datasets: [
          {
            data: cells as unknown as MatrixDataPoint[],
            backgroundColor: cells.map(({ value }) => colourOf(value)),
            borderRadius: 3,
            width: ({ chart }: { chart: { chartArea?: { width: number } } }) => Math.max(1, (chart.chartArea?.width ?? 0) / xs.length - 2),
            height: ({ chart }: { chart: { chartArea?: { height: number } } }) => Math.max(1, (chart.chartArea?.height ?? 0) / ys.length - 2),
          },
        ],
      },
      options: {
        animation: false,
        maintainAspectRatio: false,
        scales: {
          x: {
            ...scale(theme), type: 'category', labels: xs, offset: true,
            ticks: { ...scale(theme).ticks, autoSkip: false, callback: (_value: unknown, index: number) => (index % everyX === 0 ? xs[index]?.split('|').pop() : '') },
          },
          // The matrix is upside down by default.
          y: { ...scale(theme), type: 'category', labels: ys, offset: true, reverse: false, ticks: { ...scale(theme).ticks, autoSkip: false } },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            ...tooltip(theme), displayColors: false,
            callbacks: { title: () => '', label: ({ dataIndex }: { dataIndex: number }) => cells[dataIndex]?.note ?? '' },
          },
        },
      },
    }
    return config as unknown as ChartConfiguration
  }
}
