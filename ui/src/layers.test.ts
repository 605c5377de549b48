import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

/** Folders that the files of a folder may import from, their own included. ARCHITECTURE.md states the rule. */
const ALLOWED: Record<string, readonly string[]> = {
  api: ['api'],
  model: ['model'],
  charts: ['charts', 'model'],
  composables: ['composables', 'model', 'api', 'charts'],
  'components/ui': ['components/ui', 'composables', 'model'],
  components: ['components', 'components/ui', 'composables', 'charts', 'model', 'api'],
  pages: ['components', 'components/ui', 'composables', 'model', 'api'],
}
/** Folders whose types, but not values, a folder may import. */
const ALLOWED_TYPES: Record<string, readonly string[]> = { model: ['api'] }
const IMPORT = /(?:import|export)\s+(type\s)?[^'"]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)/g

const root = import.meta.dirname
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(ts|vue)$/.test(file) && !file.endsWith('.test.ts'))

function folderOf(file: string): string | undefined {
  return Object.keys(ALLOWED).find((folder) => file.startsWith(`${folder}/`))
}

/** Imports of a file that its folder may not have. */
function forbiddenImports(file: string, source: string): string[] {
  const folder = folderOf(file)
  if (folder === undefined) return []
  return [...source.matchAll(IMPORT)].flatMap(([, isType, name = '', lazy]) => {
    const path = name || lazy || ''
    if (path === 'chart.js' || path === 'chartjs-chart-matrix') return folder === 'charts' ? [] : [`${file}: ${path}`]
    if (path === 'vue-i18n' || path === '@tanstack/vue-query') return ['api', 'model', 'charts'].includes(folder) ? [`${file}: ${path}`] : []
    if (!path.startsWith('@/') && !path.startsWith('.')) return []
    const target = path.startsWith('@/') ? path.slice(2) : relative(root, join(root, dirname(file), path))
    const from = folderOf(target)
    const isAllowed = from !== undefined && (ALLOWED[folder]?.includes(from) || (isType && ALLOWED_TYPES[folder]?.includes(from)))
    return isAllowed ? [] : [`${file}: ${path}`]
  })
}

describe('folders of ui/src', () => {
  it('import downward only: pages, components, composables, then charts, model and api', () => {
    expect(files.length).toBeGreaterThan(80)
    expect(files.flatMap((file) => forbiddenImports(file, readFileSync(join(root, file), 'utf8')))).toEqual([])
  })

  it('are checked by a rule that finds violations', () => {
    const table: [string, string][] = [
      ['model/format.ts', `import UiTime from '@/components/ui/UiTime.vue'`],
      ['model/format.ts', `import { useNow } from '../composables/useNow'`],
      ['model/format.ts', `import { client } from '@/api/client'`],
      ['composables/useJobs.ts', `import JobTable from '@/components/job/JobTable.vue'`],
      ['components/ui/UiTime.vue', `import JobTable from '../job/JobTable.vue'`],
      ['components/job/JobTable.vue', `const page = () => import('@/pages/JobsPage.vue')`],
      ['components/job/JobTable.vue', `import { Chart } from 'chart.js'`],
      ['pages/JobsPage.vue', `import JobPage from './JobPage.vue'`],
      ['api/client.ts', `import { router } from '@/router'`],
    ]
    for (const [file, source] of table) expect(forbiddenImports(file, source), source).toHaveLength(1)
    expect(forbiddenImports('model/printerState.ts', `import type { PrinterStatus } from '@/api/live'`)).toEqual([])
  })
})
