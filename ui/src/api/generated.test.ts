// @vitest-environment node
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
// The generator is plain JavaScript, so that it runs without a build.
// @ts-expect-error it has no declaration
import { apiSources } from '../../scripts/api-sources.mjs'

const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')

describe('the generated files', () => {
  it('are what openapi.json says; else run `npm run generate`', async () => {
    const sources: Record<string, string> = await apiSources(JSON.parse(await read('../../../openapi.json')))
    const committed = await Promise.all(Object.keys(sources).map((file) => read(`./${file}`)))
    expect(committed).toEqual(Object.values(sources))
  })
})
