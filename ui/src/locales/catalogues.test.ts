// @vitest-environment node
import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'

type Catalogue = { [key: string]: string | Catalogue }

const folder = new URL('./', import.meta.url)
const source = new URL('../', import.meta.url)

function texts(catalogue: Catalogue, prefix = ''): [string, string][] {
  return Object.entries(catalogue).flatMap(([key, value]) =>
    typeof value === 'string' ? [[prefix + key, value] as [string, string]] : texts(value, `${prefix}${key}.`),
  )
}
async function read(file: string) {
  return new Map(texts(JSON.parse(await readFile(new URL(file, folder), 'utf8')) as Catalogue))
}
const placeholders = (text: string) => [...new Set(text.match(/\{[^}]+\}/g) ?? [])].toSorted()

const files = (await readdir(folder)).filter((file) => file.endsWith('.json') && file !== 'en.json')
const english = await read('en.json')

describe.each(files)('the catalogue %s', async (file) => {
  const other = await read(file)

  it('has the texts that English has', () => {
    expect([...other.keys()]).toEqual([...english.keys()])
  })

  it('has the same placeholders and plurals', () => {
    for (const [key, text] of english) {
      const translated = other.get(key) ?? ''
      expect(placeholders(translated), key).toEqual(placeholders(text))
      expect(translated.split(' | ').length, key).toBe(text.split(' | ').length)
    }
  })
})

describe('the texts in English', async () => {
  const names = (await readdir(source, { recursive: true })).filter((name) => /\.(vue|ts)$/.test(name) && !name.endsWith('.test.ts'))
  const code = (await Promise.all(names.map((name) => readFile(new URL(name, source), 'utf8')))).join('\n')
  /** Keys in quotes, and the beginning of those that are put together, such as `status.${status}`. */
  const literal = new Set([...code.matchAll(/['"`]([a-z]\w*(?:\.\w+)+)['"`]/gi)].map((match) => match[1]))
  const prefixes = [...code.matchAll(/`([a-z]\w*(?:\.\w+)*\.)\$\{/gi)].map((match) => match[1] ?? '')

  it('are all used', () => {
    const unused = [...english.keys()].filter((key) => !literal.has(key) && !prefixes.some((prefix) => key.startsWith(prefix)))
    expect(unused).toEqual([])
  })

  it('are there for every key that is used', () => {
    const used = [...code.matchAll(/(?:\bt\(|\$t\(|keypath=|title: )(?:\w+ \? )?['"]([a-z]\w*\.[\w.]+)['"](?: : '([\w.]+)')?/gi)]
      .flatMap((match) => [match[1], match[2]])
      .filter((key) => key !== undefined)
    expect(used.length).toBeGreaterThan(100)
    expect(used.filter((key) => !english.has(key))).toEqual([])
  })
})
