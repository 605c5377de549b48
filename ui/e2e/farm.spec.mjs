// A farm of 200 printers on one screen, and a printer with a long history.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { addMachines, ask, openWorld } from './world.mjs'

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

/** Number of `status` events of each printer within some `seconds`. */
async function countStatusEvents() {
  const counts = new Map()
  const begun = performance.now()
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
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
    }
  } catch (cause) {
    assert.equal(cause.name, 'TimeoutError')
  }
  return { counts, seconds: (performance.now() - begun) / 1000 }
}

test('every printer is on the screen, and printing', async () => {
  await page.getByRole('article').nth(PRINTERS - 1).waitFor()
  assert.equal(await page.getByRole('article').count(), PRINTERS)
  // By number, as people count.
  await page.getByRole('article', { name: 'Printer 2', exact: true }).and(page.getByRole('article').nth(1)).waitFor()
  await page.waitForFunction((all) => document.querySelectorAll('main [role=progressbar]').length === all, PRINTERS)
})

test('the stream has about one event a second and printer, of four that printers send, and the page follows', async () => {
  const { counts, seconds } = await countStatusEvents()
  assert.equal(counts.size, PRINTERS)
  // A checkpoint of the job may add one.
  const most = Math.max(...counts.values())
  assert.ok(most <= seconds * 1.5 + 2, `${most} in ${seconds} s`)
  await ask(world.machines[1], 'printer.print.pause')
  await page.getByRole('article', { name: 'Printer 2', exact: true }).getByText('Paused').waitFor()
  await ask(world.machines[1], 'printer.print.resume')
  await page.getByRole('article', { name: 'Printer 2', exact: true }).getByText('Printing').waitFor()
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
  const long = await openWorld({ printers: 1, simulator: ['--seed', '13', '--history', '1500', '--import-pages', '0'] })
  try {
    const { page: printers } = await long.openPage()
    await long.signIn(printers, 'printers')
    const [{ name, url }] = long.machines
    await long.api('printers', { method: 'POST', body: JSON.stringify({ name, moonraker_url: url }) })
    const printer = printers.getByRole('article', { name })
    /** The number of imported jobs that the page shows, once it is larger than `shown`. */
    const progressBeyond = async (shown) => {
      for (;;) {
        const [, jobs] = /Importing history: ([\d,]+) jobs so far/.exec(await printer.textContent()) ?? []
        if (jobs !== undefined && Number(jobs.replaceAll(',', '')) > shown) return Number(jobs.replaceAll(',', ''))
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    let imported = await progressBeyond(-1)
    assert.equal(imported, 0)
    // A page has at most 250 rows, fewer if they are large, so four pages are not the whole history.
    for (let released = 0; released < 4; released += 1) {
      long.allowImportPages(1)
      imported = await progressBeyond(imported)
    }
    assert.ok(imported < 1500, `${imported} jobs after four pages`)
    long.allowImportPages('all')
    await printer.getByText('1,500', { exact: true }).waitFor()
    await printer.getByText(/Importing its history/).waitFor({ state: 'detached' })
  } finally {
    await long.close()
  }
})
