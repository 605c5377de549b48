// A history of 100,000 jobs: the list stays quick to use, whatever is behind it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { openWorld } from './world.mjs'

const JOBS = 100_000

let world
let page
let problems
const total = (count) => page.getByText(`${new Intl.NumberFormat('en-GB').format(count)} jobs`, { exact: true })

before(async () => {
  world = await openWorld({ seed: JOBS })
  ;({ page, problems } = await world.openPage())
  await world.signIn(page, 'jobs')
})
after(() => world?.close())

test('all of them are counted, and page after page comes', async () => {
  await total(JOBS).waitFor()
  const rows = page.locator('tbody tr')
  while ((await rows.count()) < 300) {
    await page.mouse.wheel(0, 20_000)
    await page.waitForTimeout(100)
  }
  const links = await page.locator('a[data-job]').evaluateAll((all) => all.map((link) => link.getAttribute('href')))
  assert.equal(new Set(links).size, links.length)
})

test('a filter finds among them what the API finds', async () => {
  await page.getByLabel('Search files, notes, tags, reasons').fill('bracket')
  const { total: count } = await world.api('jobs?q=bracket&limit=1')
  assert.ok(count > 0 && count < JOBS)
  await total(count).waitFor()
})

test('a reader who has scrolled far gets a notice of new jobs', async () => {
  await page.getByLabel('Search files, notes, tags, reasons').fill('')
  await total(JOBS).waitFor()
  const rows = page.locator('tbody tr')
  while ((await rows.count()) < 300) {
    await page.mouse.wheel(0, 20_000)
    await page.waitForTimeout(100)
  }
  const [newest] = (await world.api('jobs?limit=1')).items
  await world.api(`jobs/${newest.id}`, { method: 'DELETE' })
  await page.getByRole('button', { name: 'Refresh list' }).click()
  await total(JOBS - 1).waitFor()
  assert.ok((await rows.count()) <= 100)
})

test('the analytics are those of the API', async () => {
  await page.goto(`${world.url}analytics?from=2000-01-01`)
  const { by_status: status } = await world.api('analytics/summary')
  await page.getByText(`${new Intl.NumberFormat('en-GB').format(status.completed)} completed`).waitFor()
  await page.getByRole('region', { name: 'Files', exact: true }).locator('canvas').waitFor()
  assert.deepEqual(await barriers(page), [])
})

test('a job of the past is opened by its address', async () => {
  const { items } = await world.api('jobs?limit=1&status=completed')
  await page.goto(`${world.url}jobs/${items[0].id}`)
  await page.getByRole('region', { name: 'Times and filament' }).waitFor()
  assert.deepEqual(await barriers(page), [])
})

test('the console is silent', () => assert.deepEqual(problems, []))
