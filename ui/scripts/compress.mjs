// Puts a .br and a .gz next to each file of dist/ that shrinks, and checks the size of the first page.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const DIST = new URL('../dist/', import.meta.url).pathname
const TEXT = new Set(['.html', '.js', '.css', '.svg', '.json', '.txt'])
/** What the first page may load, JavaScript and CSS, gzipped. */
const BUDGET = 200_000

const sizes = new Map()
for (const entry of await readdir(DIST, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !TEXT.has(extname(entry.name))) continue
  const file = join(entry.parentPath ?? entry.path, entry.name)
  const bytes = await readFile(file)
  const br = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  })
  const gz = gzipSync(bytes, { level: 9 })
  sizes.set(file.slice(DIST.length), { gz: gz.length, br: br.length })
  if (br.length < bytes.length) await writeFile(`${file}.br`, br)
  if (gz.length < bytes.length) await writeFile(`${file}.gz`, gz)
}

const page = await readFile(join(DIST, 'index.html'), 'utf8')
const first = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map((match) => match[1])
const sum = (kind) => first.reduce((total, file) => total + sizes.get(file)[kind], 0)
console.log(`first page: ${sum('gz')} bytes gzip, ${sum('br')} bytes brotli, in ${first.length} files`)
if (first.length === 0 || sum('gz') > BUDGET) {
  console.error(`that is more than the budget of ${BUDGET} bytes, or no files were found`)
  process.exitCode = 1
}
