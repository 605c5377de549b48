// Runs each file of tests by itself. One that fails is run again, with new servers and a new browser, and the summary
// says so. In CI (CI=true) the run then fails all the same: a test that passes now and then proves nothing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'

const ATTEMPTS = 3

const folder = new URL('.', import.meta.url).pathname
const wanted = process.argv.slice(2)
const files = (await readdir(folder))
  .filter((file) => file.endsWith('.spec.mjs') && (wanted.length === 0 || wanted.some((part) => file.includes(part))))
  .sort()
if (files.length === 0) throw new Error(`no tests are named ${wanted.join(' or ')}`)

async function passes(file) {
  const child = spawn(process.execPath, ['--test', '--test-reporter=spec', '--test-timeout=600000', folder + file], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  return code === 0
}

const failed = []
const repeated = []
for (const file of files) {
  let attempt = 1
  while (!(await passes(file)) && attempt <= ATTEMPTS) {
    attempt += 1
    if (attempt <= ATTEMPTS) console.log(`\n${file} failed; attempt ${attempt} of ${ATTEMPTS}\n`)
  }
  if (attempt > ATTEMPTS) failed.push(file)
  else if (attempt > 1) repeated.push(`${file} (attempt ${attempt})`)
}

console.log(`\nbrowser tests: ${files.length - failed.length} of ${files.length} files passed`)
if (repeated.length > 0) {
  console.log(`not at the first attempt: ${repeated.join(', ')}`)
  if (process.env.CI) process.exitCode = 1
}
if (failed.length > 0) {
  console.error(`failed: ${failed.map((file) => basename(file)).join(', ')}`)
  process.exitCode = 1
}
