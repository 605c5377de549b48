// Runs each file of tests by itself, two at a time: most of the time they wait. One that fails is run again, with new
// servers and a new browser, and the summary says so. In CI (CI=true) a failure is final: a test that passes now and then
// proves nothing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'

const ATTEMPTS = process.env.CI ? 1 : 3
const WORKERS = 2

const folder = new URL('.', import.meta.url).pathname
const wanted = process.argv.slice(2)
const files = (await readdir(folder))
  .filter((file) => file.endsWith('.spec.mjs') && (wanted.length === 0 || wanted.some((part) => file.includes(part))))
  .sort()
if (files.length === 0) throw new Error(`no tests are named ${wanted.join(' or ')}`)

/** Runs a file, and prints what it says when it has ended, so that the texts of two files do not mix. */
async function passes(file) {
  const child = spawn(process.execPath, ['--test', '--test-reporter=spec', '--test-timeout=600000', folder + file], { stdio: ['inherit', 'pipe', 'pipe'] })
  const output = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk))
  const [code] = await once(child, 'close')
  console.log(`\n${file}\n${Buffer.concat(output)}`)
  return code === 0
}

const failed = []
const repeated = []
async function work(left) {
  for (let file = left.shift(); file !== undefined; file = left.shift()) {
    let attempt = 1
    while (!(await passes(file)) && attempt <= ATTEMPTS) {
      attempt += 1
      if (attempt <= ATTEMPTS) console.log(`\n${file} failed; attempt ${attempt} of ${ATTEMPTS}\n`)
    }
    if (attempt > ATTEMPTS) failed.push(file)
    else if (attempt > 1) repeated.push(`${file} (attempt ${attempt})`)
  }
}
const left = [...files]
await Promise.all(Array.from({ length: WORKERS }, () => work(left)))

console.log(`\nbrowser tests: ${files.length - failed.length} of ${files.length} files passed`)
if (repeated.length > 0) console.log(`not at the first attempt: ${repeated.join(', ')}`)
if (failed.length > 0) {
  console.error(`failed: ${failed.map((file) => basename(file)).join(', ')}`)
  process.exitCode = 1
}
