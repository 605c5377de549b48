/** A chart of the analytics: its data, its drawing, its table, and the jobs behind each of its parts. */
import { computed, reactive, type MaybeRefOrGetter } from 'vue'
import type { MakeConfig } from '@/charts/configs'
import type { ChartTable } from '@/model/chartTable'
import type { JobFilter } from '@/model/jobFilter'
import { useAnalytics, type Analytics, type AnalyticsName } from './useAnalytics'

export interface ChartView {
  /** `null`: nothing to draw. */
  make: MakeConfig | null
  table: ChartTable
  /** Of the drawing, in pixels. */
  height: number
  /** The jobs of a bar, of a series or of one part of a bar. `null`: no filter selects exactly these. */
  jobsAt?: (bar: number | null, series: number | null) => JobFilter | null
}

const EMPTY: ChartView = { make: null, table: { columns: [], rows: [] }, height: 260 }

export function useChart<Name extends AnalyticsName>(
  name: Name,
  filter: MaybeRefOrGetter<JobFilter>,
  viewOf: (data: Analytics<Name>) => ChartView,
  more: MaybeRefOrGetter<Record<string, string>> = {},
) {
  const { data, error, isPending, refetch, csv } = useAnalytics(name, filter, more)
  const view = computed(() => (data.value === undefined ? EMPTY : viewOf(data.value as Analytics<Name>)))
  return { data, chart: reactive({ view, error, isPending, refetch, csv }) }
}

export type Chart = ReturnType<typeof useChart>['chart']

/** Height of lying bars, one a line. */
export function barsHeight(bars: number) {
  return Math.max(150, bars * 34 + 40)
}
