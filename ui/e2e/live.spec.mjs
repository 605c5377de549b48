// What moves: a print that runs while one watches, and a server that goes away and comes back.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { addMachines, ask, openWorld } from './world.mjs'

let world
let page

before(async () => {
  world = await openWorld({
    printers: 2,
    simulator: ['--seed', '9', '--printing', '2', '--time-scale', '10'],
  })
  await addMachines(world)
  ;({ page } = await world.openPage())
  await world.signIn(page)
})
after(() => world?.close())

test('a print is watched to its end', async () => {
  const [machine] = world.machines
  const bar = page.getByRole('progressbar').first()
  await bar.waitFor()
  assert.deepEqual(await barriers(page), [])
  const seen = new Set()
  while (seen.size < 3) {
    seen.add(await bar.getAttribute('aria-valuenow'))
    await page.waitForTimeout(100)
  }
  await page.getByRole('link', { name: 'All jobs' }).click()
  await page.getByText('2 jobs', { exact: true }).waitFor()
  const rows = page.locator('tbody')
  assert.equal(await rows.getByText('Printing').count(), 2)
  await ask(machine, 'printer.print.cancel')
  // The row changes without a reload.
  await rows.getByText('Cancelled').waitFor()
  assert.equal(await rows.getByText('Printing').count(), 1)
})

test('a pause stands in the timeline of its job', async () => {
  const [job] = (await world.api('jobs?status=printing')).items
  const machine = world.machines.find(({ name }) => name === job.printer_name)
  await page.goto(`${world.url}jobs/${job.id}`)
  // Heating has no pauses.
  while (!((await world.api(`printers/${job.printer_id}/status`)).job.print_duration > 0)) await page.waitForTimeout(200)
  await ask(machine, 'printer.print.pause')
  const timeline = page.getByRole('region', { name: 'Timeline' })
  await timeline.getByText('Paused').waitFor()
  await ask(machine, 'printer.print.resume')
  await timeline.getByText(/Paused.*· \d+s/).waitFor()
  assert.deepEqual(await barriers(page), [])
})

test('the wall display shows every printer on one screen', async () => {
  await page.getByRole('link', { name: 'Dashboard' }).first().click()
  await page.getByRole('link', { name: 'Wall display' }).click()
  await page.getByText(/^\d of 2 printing$/).waitFor()
  assert.equal(await page.getByRole('listitem').count(), 2)
  const [content, screen] = await page.evaluate(() => [document.documentElement.scrollHeight, window.innerHeight])
  assert.ok(content <= screen)
  assert.deepEqual(await barriers(page), [])
  await page.goBack()
})

test('a server that is away is said to be, and its return needs no reload', async () => {
  await page.getByRole('link', { name: 'Dashboard' }).first().click()
  await page.getByText('Live', { exact: true }).first().waitFor()
  await page.evaluate(() => {
    globalThis.wasHere = true
  })
  await world.stopServer()
  await page.getByText('The connection to printlog is lost.').waitFor()
  await world.startServer()
  await page.getByText('Live', { exact: true }).first().waitFor()
  await page.getByText('The connection to printlog is lost.').waitFor({ state: 'detached' })
  assert.equal(await page.evaluate(() => globalThis.wasHere), true)
})
