// Analytics: every chart, its table, its CSV and its picture; one filter bar in the URL; what is shown without data.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { addMachines, openWorld } from './world.mjs'

const CHARTS = [
  'Over time', 'Success by printer', 'Success by material', 'Filament used', 'Utilisation', 'Hours of the week', 'Calendar',
  'Actual vs estimated time', 'Failures', 'Files',
]

let world
let page
let problems
let foreign
const chart = (name) => page.getByRole('region', { name, exact: true })

before(async () => {
  world = await openWorld({ printers: 2, simulator: ['--seed', '5', '--history', '120', '--files', '120', '--history-days', '60'] })
  await addMachines(world)
  ;({ page, problems, foreign } = await world.openPage())
  await world.signIn(page, 'analytics')
})
after(() => world?.close())

test('each chart is drawn, with a table of the same numbers behind it', async () => {
  for (const name of CHARTS) {
    await chart(name).waitFor()
    await chart(name).locator('canvas').or(chart(name).getByText('Not enough data')).first().waitFor()
  }
  await chart('Over time').getByRole('row').nth(1).waitFor({ state: 'attached' })
  await chart('Over time').getByRole('button', { name: 'Over time as table' }).click()
  await chart('Over time').getByRole('columnheader', { name: 'Completed' }).waitFor()
  assert.deepEqual(await barriers(page), [])
})

test('the cards say what the API says', async () => {
  const since = new URL(page.url()).searchParams.get('from')
  const { jobs } = await world.api(`analytics/summary?since=${since}&tz=Europe/Berlin`)
  await page.locator('dl', { hasText: 'Success rate' }).getByText(String(jobs), { exact: true }).first().waitFor()
})

test('a chart is saved as CSV and as a picture', async () => {
  const saved = async (button) => {
    const [download] = await Promise.all([page.waitForEvent('download'), button.click()])
    return await readFile(await download.path())
  }
  const csv = await saved(chart('Filament used').getByRole('link', { name: 'Filament used as CSV' }))
  assert.match(csv.toString().split('\n')[0], /jobs/)
  const png = await saved(chart('Filament used').getByRole('button', { name: 'Filament used as picture' }))
  assert.equal(png.subarray(1, 4).toString(), 'PNG')
})

test('one filter bar is for all charts and stands in the URL', async () => {
  await page.getByLabel('Search files, notes, tags, reasons').fill('no such file')
  await page.waitForURL(/q=no\+such\+file|q=no%20such%20file/)
  await page.getByText('No jobs in this period').first().waitFor()
  await chart('Actual vs estimated time').getByText('Not enough data').waitFor()
  assert.deepEqual(await barriers(page), [])
  await page.getByRole('button', { name: 'Clear filters' }).first().click()
  await chart('Over time').getByRole('row').nth(1).waitFor({ state: 'attached' })
})

test('without a rating the chart of ratings says how to give one', async () => {
  await chart('Ratings').getByText('No ratings yet').waitFor()
})

test('the zone of the server stands in for one that it does not know, and the page says so', async () => {
  for (const [zone, isKnown] of [['Etc/Unknown', false], ['Antarctica/Nowhere', false], ['+02:00', true], ['Asia/Tokyo', true]]) {
    const other = await world.openPage()
    await other.page.addInitScript((timeZone) => {
      const { resolvedOptions } = Intl.DateTimeFormat.prototype
      Intl.DateTimeFormat.prototype.resolvedOptions = function options() {
        return { ...resolvedOptions.call(this), timeZone }
      }
    }, zone)
    const asked = new Set()
    other.page.on('request', (request) => request.url().includes('/api/analytics/') && asked.add(new URL(request.url()).searchParams.get('tz')))
    await world.signIn(other.page, 'analytics')
    await other.page.getByRole('region', { name: 'Over time', exact: true }).getByRole('row').nth(1).waitFor({ state: 'attached' })
    const { timezone } = await world.api('system')
    assert.deepEqual([...asked], [isKnown ? zone : timezone])
    assert.equal(await other.page.getByText(`The server does not know the time zone ${zone}. Days and times use ${timezone}.`).count(), isKnown ? 0 : 1)
    assert.deepEqual(other.problems, [])
    await other.page.context().close()
  }
})

test('a phone shows it, dark, and nothing is wider than the screen', async () => {
  await page.setViewportSize({ width: 360, height: 740 })
  await page.emulateMedia({ colorScheme: 'dark' })
  await chart('Files').locator('canvas').waitFor()
  const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
  assert.ok(content <= screen, `the page is ${content} wide`)
  assert.deepEqual(await barriers(page), [])
})

test('nothing was asked of anybody else, and the console is silent', () => {
  assert.deepEqual(foreign, [])
  assert.deepEqual(problems, [])
})
