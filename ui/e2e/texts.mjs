// The texts of the dashboard, for tests in both languages.
import { readFile } from 'node:fs/promises'

/** A function that returns the text of a key, such as `printers.edit`, with its values. Without plurals. */
export async function textsOf(language) {
  const catalogue = JSON.parse(await readFile(new URL(`../src/locales/${language.slice(0, 2)}.json`, import.meta.url), 'utf8'))
  return (key, values = {}) => {
    const text = key.split('.').reduce((part, name) => part?.[name], catalogue)
    if (typeof text !== 'string') throw new Error(`${language} has no text ${key}`)
    return text.replaceAll(/\{(\w+)\}/g, (_, name) => values[name])
  }
}
