// Writes src/api/schema.ts from the server's OpenAPI document.
import { readFile, writeFile } from 'node:fs/promises'
import { apiSources } from './api-sources.mjs'

const document = JSON.parse(await readFile(new URL('../../openapi.json', import.meta.url), 'utf8'))
for (const [file, text] of Object.entries(await apiSources(document))) {
  await writeFile(new URL(`../src/api/${file}`, import.meta.url), text)
}
