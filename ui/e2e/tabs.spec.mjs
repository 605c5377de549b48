// Many tabs of one browser over plain HTTP: all load and all are live, although a browser opens six connections to a server.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addMachines, openWorld, PATIENCE } from './world.mjs'

const TABS = 9

let world
let printer
let at
let tabs
const shows = (tab, name) => tab.getByRole('article', { name, exact: true }).waitFor()

async function rename(name) {
  printer = await world.api(`printers/${printer.id}`, { method: 'PUT', body: JSON.stringify({ name, moonraker_url: printer.moonraker_url }) })
}

before(async () => {
  world = await openWorld({ printers: 1, simulator: ['--seed', '6'] })
  ;[printer] = await addMachines(world)
  at = world.url.replace('127.0.0.1', 'printlog.test')
  const { page } = await world.openPage()
  await world.signIn(page, '', at)
  page.context().setDefaultTimeout(PATIENCE)
  tabs = [page]
})
after(() => world?.close())

test('every tab loads and is live, in a page that is no secure context', async () => {
  while (tabs.length < TABS) {
    const tab = await tabs[0].context().newPage()
    await tab.goto(at)
    tabs.push(tab)
  }
  assert.equal(await tabs[0].evaluate(() => globalThis.isSecureContext), false)
  for (const tab of tabs) await tab.getByText('Live', { exact: true }).first().waitFor()
  await rename('Renamed for all tabs')
  for (const tab of tabs) await shows(tab, 'Renamed for all tabs')
})

test('another tab takes over when the first is closed', async () => {
  await tabs.shift().close()
  await rename('Without the first tab')
  for (const tab of tabs) await shows(tab, 'Without the first tab')
})

test('another tab takes over from those that the browser freezes', async () => {
  const last = tabs.pop()
  for (const tab of tabs) {
    const session = await tab.context().newCDPSession(tab)
    await session.send('Page.setWebLifecycleState', { state: 'frozen' })
  }
  await rename('While others are frozen')
  await shows(last, 'While others are frozen')
  await last.getByText('Live', { exact: true }).first().waitFor()
})

test('a tab that crashes leaves the others live', async () => {
  const [first, second] = [await tabs[0].context().newPage(), await tabs[0].context().newPage()]
  for (const tab of [first, second]) {
    await tab.goto(at)
    await tab.getByText('Live', { exact: true }).first().waitFor()
  }
  first.goto('chrome://crash').catch(() => {})
  await rename('After a crash')
  await shows(second, 'After a crash')
})
