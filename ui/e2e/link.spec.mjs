// A link between browser and server that is cut, or that freezes: the page says so, keeps what it knows, and recovers.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { addMachines, ask, openWorld } from './world.mjs'

const NOTICE = 'The connection to printlog is lost.'

/** Passes bytes on to `port`, until it is `cut` or `frozen`. */
async function openLink(port) {
  let mode = 'through'
  const pairs = new Set()
  const server = createServer((near) => {
    if (mode === 'cut') {
      near.destroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    const pair = { near, far, hasLost: false }
    pairs.add(pair)
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (bytes) => {
        if (mode === 'frozen') pair.hasLost = true
        else to.write(bytes)
      })
      from.on('error', () => {})
      // While the link is frozen, neither end notices that the other has closed.
      from.on('close', () => {
        if (mode === 'frozen') pair.hasLost = true
        else to.destroy()
        if (near.destroyed && far.destroyed) pairs.delete(pair)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const end = (pair) => {
    pair.near.destroy()
    pair.far.destroy()
    pairs.delete(pair)
  }
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    cut() {
      mode = 'cut'
      for (const pair of pairs) end(pair)
    },
    freeze() {
      mode = 'frozen'
    },
    /** Connections that have lost bytes are of no use any more. */
    mend() {
      mode = 'through'
      for (const pair of pairs) if (pair.hasLost) end(pair)
    },
    close() {
      this.cut()
      server.close()
    },
  }
}

let world
let link
let page
let problems
let printer
const card = (name) => page.getByRole('article', { name, exact: true })

/** Something else than the page changes what it shows, past the link. */
async function rename(name) {
  printer = await world.api(`printers/${printer.id}`, { method: 'PUT', body: JSON.stringify({ name, moonraker_url: printer.moonraker_url }) })
  assert.equal(printer.name, name)
}

/** Every page of the menu. */
async function walk() {
  for (const name of ['Jobs', 'Analytics', 'Printers', 'Settings']) {
    await page.getByRole('link', { name, exact: true }).first().click()
    await page.getByRole('heading', { name, level: 1 }).waitFor()
  }
}

before(async () => {
  world = await openWorld({ printers: 1, simulator: ['--seed', '6', '--history', '5', '--files', '5', '--printing', '1'] })
  ;[printer] = await addMachines(world)
  link = await openLink(new URL(world.url).port)
  ;({ page, problems } = await world.openPage())
  await world.signIn(page, '', link.url)
  await page.getByText('Live', { exact: true }).first().waitFor()
  await card(printer.name).getByText('Printing').waitFor()
  // What the pages are made of is there, once they have been seen.
  await walk()
  await page.getByRole('link', { name: 'Dashboard', exact: true }).first().click()
  await page.evaluate(() => {
    globalThis.wasHere = true
  })
})
after(async () => {
  link?.close()
  await world?.close()
})

test('a link that is cut: the page says that it is stale, and shows what it knew', async () => {
  const { name } = printer
  link.cut()
  await page.getByText(NOTICE).waitFor()
  await page.getByText('Not live', { exact: true }).first().waitFor()
  await card(name).getByText('Printing').waitFor()
  await ask(world.machines[0], 'printer.print.pause')
  await rename('Renamed behind its back')
  await card(name).getByText('Printing').waitFor()
})

test('back again, the notice goes by itself and everything is fresh', async () => {
  link.mend()
  await page.getByText(NOTICE).waitFor({ state: 'detached' })
  await page.getByText('Live', { exact: true }).first().waitFor()
  await card(printer.name).getByText('Paused').waitFor()
  assert.equal(await page.evaluate(() => globalThis.wasHere), true)
})

test('a link that is only silent is noticed by the missing heartbeat', async () => {
  const { name } = printer
  link.freeze()
  await page.getByText(NOTICE).waitFor()
  await card(name).getByText('Paused').waitFor()
  await ask(world.machines[0], 'printer.print.resume')
  await rename('Renamed once more')
})

test('what was asked while nothing got through is asked again', async () => {
  // More than a browser's six connections to one server hang now.
  await walk()
  link.mend()
  await page.getByText(NOTICE).waitFor({ state: 'detached' })
  await page.getByRole('listitem').filter({ hasText: 'Recording' }).getByText('OK').waitFor()
  await page.getByRole('link', { name: 'Dashboard', exact: true }).first().click()
  await card(printer.name).getByText('Printing').waitFor()
  assert.equal(await page.evaluate(() => globalThis.wasHere), true)
})

test('the console complains of the link only', () => {
  assert.deepEqual(problems.filter((text) => !/net::ERR_/.test(text)), [])
})
