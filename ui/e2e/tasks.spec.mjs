// Everyday tasks, each within a budget of clicks: why prints failed, rating, undoing a deletion, comparing, from a chart to its jobs and back.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { click, counted, task } from './budget.mjs'
import { addMachines, openWorld } from './world.mjs'

let world
let page
let problems
let printers
const rows = () => page.locator('tbody tr')
const total = (count) => page.getByText(`${count} job${count === 1 ? '' : 's'}`, { exact: true })
before(async () => {
  world = await openWorld({
    printers: 2, simulator: ['--seed', '7', '--history', '90', '--files', '30', '--history-days', '40'], settings: { PRINTLOG_DETAILS__RATE: '6000' },
  })
  printers = await addMachines(world)
  while ((await world.api('system')).details.pending > 0) await new Promise((resolve) => setTimeout(resolve, 500))
  ;({ page, problems } = await world.openPage({ viewport: { width: 1440, height: 900 } }))
  await world.signIn(page, 'jobs')
})
after(() => world?.close())

task('why the last prints of one printer failed', async () => {
  const [printer] = printers
  await click(page.getByRole('button', { name: 'All printers' }))
  await click(page.getByRole('dialog').getByText(printer.name))
  await page.keyboard.press('Escape')
  await click(page.getByRole('button', { name: 'Any status' }))
  await click(page.getByRole('dialog').getByText('Failed', { exact: true }))
  await page.keyboard.press('Escape')
  const { total: count, items } = await world.api(`jobs?printer_id=${printer.id}&status=error,interrupted&limit=50`)
  assert.ok(count > 0)
  await total(count).waitFor()
  const job = items.find(({ message }) => message)
  if (job) await page.locator('tr', { has: page.locator(`a[href$="jobs/${job.id}"]`) }).getByText(job.message).waitFor()
  assert.deepEqual(await barriers(page), [])
})

task('a row opens its job, and the breadcrumb leads back to the list as it was', async () => {
  const list = page.url()
  // On the cell of the start: the link of the row covers all of it.
  const { x, y, width, height } = await rows().nth(2).locator('td').nth(4).boundingBox()
  await counted(page.mouse.click(x + width / 2, y + height / 2))
  await page.getByRole('region', { name: 'Times and filament' }).waitFor()
  await click(page.locator('main').getByRole('link', { name: 'Jobs', exact: true }))
  await rows().first().waitFor()
  assert.equal(page.url(), list)
})

task('a period of the calendar is chosen by its name', async () => {
  await click(page.getByRole('button', { name: 'Any time' }))
  await page.getByRole('dialog').getByLabel('From').waitFor()
  await click(page.getByRole('dialog').getByRole('button', { name: 'This year' }))
  await page.keyboard.press('Escape')
  assert.match(new URL(page.url()).searchParams.get('from') ?? '', /-01-01$/)
  // With a date filter, dates are shown as such.
  await page.waitForFunction(() => ![...document.querySelectorAll('tbody time')].some((time) => / ago|now/.test(time.textContent)))
  await click(page.getByRole('button', { name: 'Clear filters' }))
  await total(180).waitFor()
})

task('a print is rated with one click, and with another the rating is removed', async () => {
  const { items: [job] } = await world.api('jobs?status=completed&limit=1')
  const row = page.locator('tr', { has: page.locator(`a[href$="jobs/${job.id}"]`) })
  const button = row.getByRole('button', { name: 'Usable' })
  await click(button)
  await page.waitForFunction((element) => element.getAttribute('aria-pressed') === 'true', await button.elementHandle())
  assert.equal((await world.api(`jobs/${job.id}`)).verdict, 'partly_good')
  await click(button)
  await page.waitForFunction((element) => element.getAttribute('aria-pressed') === 'false', await button.elementHandle())
  assert.equal((await world.api(`jobs/${job.id}`)).verdict, null)
})

task('a range is selected with Shift, and rated', async () => {
  await click(rows().nth(1).getByRole('checkbox'))
  await click(rows().nth(4).getByRole('checkbox'), { modifiers: ['Shift'] })
  await page.getByText('4 selected').waitFor()
  assert.deepEqual(await barriers(page), [])
  await click(page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Scrap' }))
  await page.getByText('4 jobs rated.').waitFor()
  assert.equal((await world.api('jobs?verdict=scrap&limit=1')).total, 4)
  await click(page.getByRole('button', { name: 'Clear selection' }))
})

task('a deletion is undone', async () => {
  const earlier = await world.api('jobs?limit=5')
  await click(rows().nth(0).getByRole('checkbox'))
  await click(rows().nth(2).getByRole('checkbox'), { modifiers: ['Shift'] })
  await click(page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Delete' }))
  const dialog = page.getByRole('dialog', { name: 'Delete 3 jobs?' })
  await dialog.waitFor()
  assert.deepEqual(await barriers(page), [])
  await click(dialog.getByRole('button', { name: 'Delete' }))
  // The message stays while the pointer is over it.
  await page.getByText('3 jobs were deleted.').hover()
  await total(177).waitFor()
  assert.deepEqual(await barriers(page), [])
  await click(page.getByRole('button', { name: 'Undo' }))
  await total(180).waitFor()
  assert.deepEqual(await world.api('jobs?limit=5'), earlier)
})

task('with the keyboard only: find a print, rate, tag and describe it', async () => {
  await page.keyboard.press('/')
  const { items: [job] } = await world.api('jobs?status=completed&limit=1')
  await page.keyboard.type(job.filename)
  await page.waitForURL(/q=/)
  await page.locator(`a[data-job][href$="jobs/${job.id}"]`).waitFor()
  await page.locator('a[data-job]').first().focus()
  await page.keyboard.press('Enter')
  await page.getByRole('region', { name: 'Times and filament' }).waitFor()
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'content')
  await page.getByRole('button', { name: 'Edit' }).focus()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('radio', { name: 'Not rated' }).waitFor()
  await dialog.getByRole('radio', { name: 'Not rated' }).focus()
  await page.keyboard.press('ArrowRight')
  await dialog.getByLabel('Tags').focus()
  await page.keyboard.type('gift;blue,')
  await dialog.getByLabel('Notes', { exact: true }).focus()
  await page.keyboard.type('See https://example.org/brim, it helped.')
  await page.keyboard.press('Escape')
  await dialog.getByText('Discard your changes?').waitFor()
  assert.deepEqual(await barriers(page), [])
  await page.keyboard.press('Escape')
  await dialog.getByText('Discard your changes?').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+Enter')
  await page.getByText('Saved.').waitFor()
  const link = page.getByRole('link', { name: 'https://example.org/brim', exact: true })
  assert.equal(await link.getAttribute('rel'), 'noopener noreferrer')
  const id = Number(/\d+$/.exec(page.url())?.[0])
  const saved = await world.api(`jobs/${id}`)
  assert.deepEqual([saved.verdict, saved.tags], ['good', ['blue', 'gift']])
})

task('the settings of two runs are compared', async () => {
  const { items } = await world.api('jobs?limit=100')
  const [first] = items
  const second = items.find(({ printer_id: id, filename }) => id === first.printer_id && filename !== first.filename)
  await page.goto(`${world.url}jobs/${first.id}`)
  await click(page.locator('summary', { hasText: 'Compare settings' }))
  await page.getByLabel('Compare with').selectOption(String(second.id))
  await page.getByRole('columnheader', { name: 'Other run' }).or(page.getByText('The settings are identical.')).waitFor()
  assert.deepEqual(await barriers(page), [])
})

task('the figures state what they are compared with', async () => {
  await page.goto(`${world.url}analytics`)
  const cards = page.getByRole('region', { name: 'Summary' })
  await cards.getByText(/vs [\d,.]+ ?h?, .*\d{4}/).first().waitFor()
  await cards.getByLabel('Compare with').selectOption('Same days last year')
  await cards.getByText(/^vs 0, /).waitFor()
  await cards.getByLabel('Compare with').selectOption('Previous period')
  assert.deepEqual(await barriers(page), [])
})

task('a row of a chart leads to exactly these jobs, and its table sorts', async () => {
  const chart = page.getByRole('region', { name: 'Utilisation', exact: true })
  await click(chart.getByRole('button', { name: 'Utilisation as table' }))
  await click(chart.getByRole('button', { name: 'Jobs', exact: true }))
  assert.equal(await chart.getByRole('columnheader', { name: 'Jobs', exact: true }).getAttribute('aria-sort'), 'descending')
  const counts = (await chart.locator('tbody tr td:nth-child(4)').allTextContents()).map(Number)
  assert.deepEqual(counts, counts.toSorted((a, b) => b - a))
  await click(chart.getByRole('link', { name: printers[1].name }))
  await page.getByRole('heading', { name: 'Jobs', level: 1 }).waitFor()
  const { searchParams } = new URL(page.url())
  assert.equal(searchParams.get('printer'), String(printers[1].id))
  await total(counts[0] === counts[1] ? counts[0] : (await world.api(`jobs?printer_id=${printers[1].id}&since=${searchParams.get('from')}&limit=1`)).total).waitFor()
})

task('a bar of a chart leads to its jobs', async () => {
  await page.goto(`${world.url}analytics`)
  const canvas = page.getByRole('region', { name: 'Success by printer', exact: true }).locator('canvas')
  await canvas.waitFor()
  const { width, height } = await canvas.boundingBox()
  // The upper of two lying bars, left of its end.
  await click(canvas, { position: { x: width * 0.4, y: height * 0.28 } })
  await page.getByRole('heading', { name: 'Jobs', level: 1 }).waitFor()
  assert.ok(printers.some(({ id }) => String(id) === new URL(page.url()).searchParams.get('printer')))
})

task('without a match the filters are named, and each can be removed', async () => {
  await page.goto(`${world.url}jobs?q=benchy-of-no-printer&status=error`)
  await page.getByText('No job matches all of these.').waitFor()
  await click(page.getByRole('button', { name: 'Remove filter “benchy-of-no-printer”' }))
  await total((await world.api('jobs?status=error&limit=1')).total).waitFor()
})

task('the wall display shows how the last print ended, and can be left', async () => {
  await page.goto(`${world.url}board`)
  await page.getByRole('listitem').first().getByText(/^Since /).waitFor()
  assert.deepEqual(await barriers(page), [])
  await click(page.getByRole('link', { name: 'Exit' }))
  await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
  await page.getByText('Free now').waitFor()
})

test('while files are being read, totals say that they are incomplete', async () => {
  const other = await openWorld({ printers: 1, simulator: ['--seed', '7', '--history', '40', '--files', '40'], settings: { PRINTLOG_DETAILS__RATE: '1' } })
  try {
    await addMachines(other)
    const { page: early } = await other.openPage()
    await other.signIn(early, 'jobs')
    await early.getByText(/\d+ of 40 jobs are still incomplete\./).waitFor()
    await early.getByRole('link', { name: 'Analytics' }).first().click()
    await early.getByText(/\d+ of 40 jobs are still incomplete\./).waitFor()
    await early.getByText(/^Missing for \d+ of \d+ jobs$/).first().waitFor()
    assert.deepEqual(await barriers(early), [])
  } finally {
    await other.close()
  }
})

test('the console is silent', () => assert.deepEqual(problems, []))
