// A world of its own for each file of tests: simulated printers, the real printlog, a browser. Ends what it started.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import { WebSocket } from 'ws'

const run = promisify(execFile)

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
  // A name that browsers do not trust as they trust localhost: the page is no secure context, as in most home networks.
  '--host-resolver-rules=MAP printlog.test 127.0.0.1',
]

/** Where the binaries are: PRINTLOG_BIN, or the newest printlog that was built. */
function binaries() {
  const target = process.env.CARGO_TARGET_DIR ?? new URL('../../target', import.meta.url).pathname
  const folders = process.env.PRINTLOG_BIN ? [process.env.PRINTLOG_BIN] : [join(target, 'release'), join(target, 'debug')]
  const age = (folder) => statSync(join(folder, 'printlog')).mtimeMs
  const [folder] = folders
    .filter((one) => existsSync(join(one, 'printlog')) && existsSync(join(one, 'simulator')))
    .toSorted((a, b) => age(b) - age(a))
  if (!folder) throw new Error(`no printlog and simulator in ${folders.join(' or ')}; build both with cargo first`)
  return { printlog: join(folder, 'printlog'), simulator: join(folder, 'simulator'), seed: join(folder, 'seed') }
}

/** For every wait, in ms: a loaded machine with two cores is slow, and nothing is asserted about speed. Shorter while developing. */
export const PATIENCE = Number(process.env.PRINTLOG_TEST_WAIT ?? 120_000)

/** The four sizes that pages are made for; `zoomed` is the laptop at twice the size, which is what browsers make of a zoom. */
export const SIZES = {
  desktop: { width: 1440, height: 900 }, laptop: { width: 1280, height: 720 }, phone: { width: 390, height: 844 }, zoomed: { width: 720, height: 450 },
}
export const LANGUAGES = ['en-GB', 'de-DE']

/** Waits until a page is live and has what it asked for. Only progress that is unknown pulses on. */
export async function settled(page) {
  await page.locator('text="Live" >> visible=true').first().waitFor()
  await page.waitForFunction(() => document.querySelector('main .animate-pulse:not([role=progressbar] *)') === null)
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Asks something of a printer itself, as its own screen would. */
export async function ask(machine, method) {
  const socket = new WebSocket(`${machine.url.replace(/^http/, 'ws')}/websocket`)
  await once(socket, 'open')
  const answered = new Promise((resolve) => {
    socket.on('message', (text) => {
      const answer = JSON.parse(text)
      if (answer.id === 1) resolve(answer)
    })
  })
  socket.send(JSON.stringify({ jsonrpc: '2.0', method, id: 1 }))
  const { error, result } = await answered
  socket.close()
  if (error) throw new Error(`${method}: ${error.message}`)
  return result
}

/** Announces a Moonraker at `url` by multicast DNS, with Moonraker's own library, until its stdin ends. Prints a line when it has. */
export function advertise(name, url) {
  const cache = new URL('../../.cache/', import.meta.url).pathname
  const moonraker = readdirSync(cache).find((folder) => folder.startsWith('moonraker-'))
  if (!moonraker) throw new Error(`no Moonraker in ${cache}; scripts/install-test-deps.sh installs it`)
  return spawn(join(cache, moonraker, 'bin', 'python'), ['-c', ADVERTISE, name, new URL(url).port], { stdio: ['pipe', 'pipe', 'inherit'] })
}

const ADVERTISE = `
import socket, sys
from zeroconf import ServiceInfo, Zeroconf
kind = "_moonraker._tcp.local."
zeroconf = Zeroconf()
zeroconf.register_service(ServiceInfo(
    kind, f"{sys.argv[1]}.{kind}", int(sys.argv[2]), addresses=[socket.inet_aton("127.0.0.1")], server="bench.local."))
print("announced", flush=True)
sys.stdin.read()
zeroconf.close()
`

/** `seed`: so many jobs of a made-up past are in the database. `settings`: more of the environment. */
export async function openWorld({ simulator: simulatorOptions = [], printers: count = 0, seed: jobs = 0, settings = {} } = {}) {
  const { printlog, simulator, seed } = binaries()
  const folder = await mkdtemp(join(tmpdir(), 'printlog-e2e-'))
  const port = await freePort()
  const env = {
    ...process.env, PRINTLOG_API__PORT: String(port), PRINTLOG_API__HOST: '127.0.0.1', PRINTLOG_MOONRAKER__RECONNECT_DELAY: '1',
    ...settings,
  }
  const command = async (...args) => JSON.parse((await run(printlog, [...args, '--json'], { cwd: folder, env })).stdout)
  const children = new Set()

  const start = (program, args, options) => {
    const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'ignore'], ...options })
    children.add(child)
    return child
  }
  const end = async (child, signal = 'SIGTERM') => {
    children.delete(child)
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }

  const machines = []
  let allowImportPages
  if (count > 0) {
    const child = start(simulator, ['--printers', String(count), ...simulatorOptions], { stdio: ['pipe', 'pipe', 'ignore'] })
    allowImportPages = (pages) => child.stdin.write(`import-pages ${pages}\n`)
    for await (const line of createInterface({ input: child.stdout })) {
      machines.push(JSON.parse(line))
      if (machines.length === count) break
    }
    child.stdout.resume()
  }
  if (jobs > 0) {
    await run(seed, ['--database', join(folder, 'data', 'printlog.db'), '--jobs', String(jobs), '--seed', '4'], { cwd: folder, env })
  }
  const { key } = await command('keys', 'create', 'browser tests')
  let server
  const base = settings.PRINTLOG_API__BASE_PATH ?? ''
  const url = `http://127.0.0.1:${port}${base}/`
  const serve = async () => {
    server = start(printlog, ['serve'], { stdio: 'ignore' })
    for (;;) {
      if (server.exitCode !== null) throw new Error(`printlog ended with ${server.exitCode}`)
      const health = await fetch(`${url}health`).catch(() => null)
      if (health?.ok) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const api = async (path, options = {}) => {
    const response = await fetch(`${url}api/${path}`, {
      ...options,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    })
    return response.status === 204 ? null : await response.json()
  }
  await serve()
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS })

  /** A page of a new browser. `problems` are the errors of its console. */
  const openPage = async ({ viewport = { width: 1280, height: 800 }, ...options } = {}) => {
    const context = await browser.newContext({ viewport, locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options })
    const page = await context.newPage()
    page.setDefaultTimeout(PATIENCE)
    page.setDefaultNavigationTimeout(PATIENCE)
    const problems = []
    const foreign = []
    // Breaches of the Content-Security-Policy, also those that the console is silent about.
    await page.exposeFunction('reportBreach', (text) => problems.push(text))
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        globalThis.reportBreach(`${event.violatedDirective} forbids ${event.blockedURI} ${event.sample}`)
      })
    })
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('console', (message) => {
      // Not every job has an image; the browser itself notes each 404.
      const isMissingImage = /\/thumbnail\?/.test(message.location().url) && message.text().includes('404')
      if (message.type() === 'error' && !isMissingImage) problems.push(message.text())
    })
    page.on('request', (request) => request.url().startsWith(url) || foreign.push(request.url()))
    return { page, problems, foreign }
  }
  /** `at`: where the browser finds the server, if not at `url`. `as`: another key. */
  const signIn = async (page, path = '', at = url, as = key) => {
    await page.goto(at + path)
    // In any language.
    await page.locator('form input').fill(as)
    await page.locator('form button[type=submit]').click()
    await page.waitForURL(({ pathname }) => !pathname.endsWith('/sign-in'))
  }

  return {
    folder, url, key, machines, api, command, openPage, signIn,
    /** Lets imports of the history read so many more pages, or `all`; `--import-pages` holds them. */
    allowImportPages,
    stopServer: () => end(server),
    startServer: serve,
    signalServer: (signal) => server.kill(signal),
    close: async () => {
      await browser.close()
      for (const child of children) await end(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Adds every simulated printer, and waits until their histories are imported. */
export async function addMachines(world) {
  for (const { name, url } of world.machines) {
    await world.api('printers', { method: 'POST', body: JSON.stringify({ name, moonraker_url: url }) })
  }
  for (;;) {
    const { items } = await world.api('printers')
    const states = await Promise.all(items.map(({ id }) => world.api(`printers/${id}/status`)))
    if (states.every(({ backfill }) => backfill.state === 'done')) return items
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
