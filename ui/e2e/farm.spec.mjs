// A farm of 200 printers on one screen, and a printer with a long history.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { addMachines, openWorld } from './world.mjs'

const PRINTERS = 200
/** How long is looked, in s. */
const LOOK = 10

let world
let page
let problems

before(async () => {
  world = await openWorld({
    printers: PRINTERS,
    simulator: ['--seed', '12', '--history', '3', '--files', '1', '--printing', String(PRINTERS), '--updates-per-second', '4'],
  })
  await addMachines(world)
  ;({ page, problems } = await world.openPage())
  await world.signIn(page)
})
after(() => world?.close())

/** Number of `status` events of each printer within `LOOK` s. */
async function countNews() {
  const told = new Map()
  const response = await fetch(`${world.url}api/live`, {
    headers: { authorization: `Bearer ${world.key}` }, signal: AbortSignal.timeout(LOOK * 1000),
  })
  let text = ''
  try {
    for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
      text += bytes
      const events = text.split('\n\n')
      text = events.pop()
      for (const event of events) {
        if (!event.includes('event: status')) continue
        const { printer_id: id } = JSON.parse(event.match(/^data: (.*)$/m)[1])
        told.set(id, (told.get(id) ?? 0) + 1)
      }
    }
  } catch (cause) {
    assert.equal(cause.name, 'TimeoutError')
  }
  return told
}

test('every printer is on the screen, and printing', async () => {
  await page.getByRole('article').nth(PRINTERS - 1).waitFor()
  assert.equal(await page.getByRole('article').count(), PRINTERS)
  // By number, as people count.
  await page.getByRole('article', { name: 'Printer 2', exact: true }).and(page.getByRole('article').nth(1)).waitFor()
  await page.waitForFunction((all) => document.querySelectorAll('main [role=progressbar]').length === all, PRINTERS)
})

test('each is told about once a second at most, and the page has time left', async () => {
  await page.evaluate(() => {
    globalThis.busy = 0
    new PerformanceObserver((list) => {
      for (const task of list.getEntries()) globalThis.busy += task.duration / 1000
    }).observe({ type: 'longtask' })
  })
  const told = await countNews()
  assert.equal(told.size, PRINTERS)
  assert.ok(Math.max(...told.values()) <= LOOK + 1, `${Math.max(...told.values())} in ${LOOK} s`)
  const busy = await page.evaluate(() => globalThis.busy)
  assert.ok(busy < LOOK / 2, `busy for ${busy} of ${LOOK} s`)
})

test('the wall display has room for all of them', async () => {
  await page.goto(`${world.url}board`)
  await page.getByText(`${PRINTERS} of ${PRINTERS} printing`).waitFor()
  assert.equal(await page.getByRole('listitem').count(), PRINTERS)
  const [content, screen] = await page.evaluate(() => [document.documentElement.scrollHeight, window.innerHeight])
  assert.ok(content <= screen, `${content} in ${screen}`)
  assert.deepEqual(await barriers(page), [])
})

test('the console is silent', () => assert.deepEqual(problems, []))

test('an import of a long history shows how far it is, and then what it found', async () => {
  const long = await openWorld({ printers: 1, simulator: ['--seed', '13', '--history', '1500'] })
  try {
    const { page: printers } = await long.openPage()
    await long.signIn(printers, 'printers')
    const [{ name, url }] = long.machines
    await long.api('printers', { method: 'POST', body: JSON.stringify({ name, moonraker_url: url }) })
    const printer = printers.getByRole('article', { name })
    const progress = printer.getByText(/Importing its history: [\d,]+ jobs so far/)
    const seen = new Set()
    while (seen.size < 3) seen.add(await progress.textContent())
    await progress.waitFor({ state: 'detached' })
    await printer.getByText('1,500', { exact: true }).waitFor()
  } finally {
    await long.close()
  }
})
