/** Chart.js with the parts that are used. Loaded with the page of analytics only. */
import {
  BarController, BarElement, CategoryScale, Chart, Legend, LinearScale, LineController, LineElement, PointElement, Tooltip,
  type ChartConfiguration, type ChartEvent,
} from 'chart.js'
import { MatrixController, MatrixElement } from 'chartjs-chart-matrix'

Chart.register(
  BarController, BarElement, CategoryScale, Legend, LinearScale, LineController, LineElement, MatrixController, MatrixElement,
  PointElement, Tooltip,
)

export type { ChartConfiguration }

/** What a click on a part of a chart does. `bar` is `null` for an entry of the legend, `series` for a whole bar. */
export interface ChartLinks {
  hasJobs: (bar: number | null, series: number | null) => boolean
  open: (bar: number | null, series: number | null) => void
}

export function drawChart(canvas: HTMLCanvasElement, config: ChartConfiguration, links: ChartLinks): Chart {
  const at = (event: ChartEvent, chart: Chart): [number, number] | null => {
    const [part] = event.native ? chart.getElementsAtEventForMode(event.native, 'nearest', { intersect: true }, true) : []
    return part ? [part.index, part.datasetIndex] : null
  }
  const legend = config.options?.plugins?.legend
  return new Chart(canvas, {
    ...config,
    options: {
      ...config.options,
      onClick(event, _parts, chart) {
        const part = at(event, chart)
        if (part) links.open(...part)
      },
      onHover(event, _parts, chart) {
        const part = at(event, chart)
        chart.canvas.style.cursor = part && links.hasJobs(...part) ? 'pointer' : ''
      },
      plugins: {
        ...config.options?.plugins,
        ...(legend && {
          legend: {
            ...legend,
            onClick: (_event, { datasetIndex }) => links.open(null, datasetIndex ?? null),
            onHover: (_event, { datasetIndex }, { chart }) => {
              chart.canvas.style.cursor = links.hasJobs(null, datasetIndex ?? null) ? 'pointer' : ''
            },
            onLeave: (_event, _item, { chart }) => {
              chart.canvas.style.cursor = ''
            },
          },
        }),
      },
    },
  })
}

/** Sharp on paper and big screens, in dots for each dot of the page. */
const SHARPNESS = 2

/** A picture of a chart under its title, on the ground that it stands on. */
export async function chartPicture(config: ChartConfiguration, title: string, ground: string, ink: string, width: number, height: number): Promise<Blob | null> {
  const drawn = document.createElement('canvas')
  const sized = { ...config, options: { ...config.options, responsive: false, animation: false as const, devicePixelRatio: SHARPNESS } }
  drawn.width = width
  drawn.height = height
  const chart = new Chart(drawn, sized)
  const head = 44
  const picture = document.createElement('canvas')
  picture.width = (width + 32) * SHARPNESS
  picture.height = (height + head + 16) * SHARPNESS
  const context = picture.getContext('2d')
  if (context) {
    context.scale(SHARPNESS, SHARPNESS)
    context.fillStyle = ground
    context.fillRect(0, 0, width + 32, height + head + 16)
    context.fillStyle = ink
    context.font = '600 17px system-ui, sans-serif'
    context.fillText(title, 16, 28)
    context.drawImage(drawn, 16, head, width, height)
  }
  chart.destroy()
  return await new Promise((resolve) => picture.toBlob(resolve, 'image/png'))
}
