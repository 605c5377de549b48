// Jobs: list, filters, selection, one job; with histories of some hundred jobs.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { addMachines, openWorld } from './world.mjs'

let world
let page
let problems
const rows = () => page.locator('tbody tr')
const total = (count) => page.getByText(`${count} job${count === 1 ? '' : 's'}`, { exact: true })

/** The newest job whose file was read; files are read in the background, newest first. */
async function jobWithDetails() {
  for (;;) {
    const { items } = await world.api('jobs?limit=20')
    for (const { id } of items) {
      const job = await world.api(`jobs/${id}`)
      if (job.details_status === 'done') return job
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

before(async () => {
  world = await openWorld({ printers: 3, simulator: ['--seed', '5', '--history', '80', '--files', '80'] })
  await addMachines(world)
  ;({ page, problems } = await world.openPage())
  await world.signIn(page, 'jobs')
})
after(() => world?.close())

test('every job can be reached by scrolling', async () => {
  await total(240).waitFor()
  while ((await rows().count()) < 240) {
    await page.mouse.wheel(0, 20_000)
    await page.waitForTimeout(50)
  }
  const links = await page.locator('a[data-job]').evaluateAll((all) => all.map((link) => link.getAttribute('href')))
  assert.equal(new Set(links).size, 240)
  assert.deepEqual(await barriers(page), [])
})

test('filters stand in the URL, come back from it, and agree with the API', async () => {
  await page.getByRole('button', { name: 'Any status' }).click()
  await page.getByRole('dialog').getByText('Error', { exact: true }).click()
  await page.getByRole('dialog').getByText('Cancelled').click()
  await page.keyboard.press('Escape')
  await page.getByLabel('Search files, notes, tags, reasons').fill('_PLA')
  const { total: count } = await world.api('jobs?status=error,cancelled&q=_PLA&limit=1')
  assert.ok(count > 0 && count < 240)
  await total(count).waitFor()
  const { searchParams } = new URL(page.url())
  assert.deepEqual([searchParams.getAll('status'), searchParams.get('q')], [['error', 'cancelled'], '_PLA'])
  const words = await rows().locator('td:nth-child(5)').allTextContents()
  assert.ok(words.every((word) => /Error|Cancelled/.test(word)), words.join())
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await total(240).waitFor()
})

test('the oldest come first if wanted, and the URL says so', async () => {
  await page.getByRole('button', { name: 'Started' }).click()
  await page.waitForURL(/sort=oldest/)
  const [oldest] = (await world.api('jobs?sort=oldest&limit=1')).items
  await rows().first().locator(`a[href$="jobs/${oldest.id}"]`).waitFor()
  assert.equal(await page.getByRole('columnheader', { name: 'Started' }).getAttribute('aria-sort'), 'ascending')
  await page.getByRole('button', { name: 'Started' }).click()
  await page.waitForURL((url) => !url.searchParams.has('sort'))
})

test('a column sorts the list, on a phone too', async () => {
  const print = page.getByRole('columnheader', { name: 'Print time' })
  assert.equal(await print.getAttribute('aria-sort'), null)
  await print.getByRole('button').click()
  await page.waitForURL(/sort=-print_duration/)
  const first = async (sort) => (await world.api(`jobs?sort=${sort}&limit=1`)).items[0].id
  await rows().first().locator(`a[href$="jobs/${await first('-print_duration')}"]`).waitFor()
  assert.equal(await print.getAttribute('aria-sort'), 'descending')
  assert.equal(await page.getByRole('columnheader', { name: 'Started' }).getAttribute('aria-sort'), null)
  await print.getByRole('button').click()
  await page.waitForURL(/sort=print_duration/)
  await rows().first().locator(`a[href$="jobs/${await first('print_duration')}"]`).waitFor()
  assert.equal(await print.getAttribute('aria-sort'), 'ascending')
  await page.setViewportSize({ width: 360, height: 740 })
  await page.getByLabel('Sort by').selectOption('Most filament first')
  await page.waitForURL(/sort=-filament_used/)
  await page.locator('main li').first().locator(`a[href$="jobs/${await first('-filament_used')}"]`).waitFor()
  await page.setViewportSize({ width: 1360, height: 860 })
  await page.getByRole('button', { name: 'Started' }).click()
  await page.waitForURL((url) => !url.searchParams.has('sort'))
})

test('what is filtered is exported, in every format of the menu', async () => {
  await page.getByLabel('Search files, notes, tags, reasons').fill('_PLA')
  const { total: count, items } = await world.api('jobs?q=_PLA&limit=200')
  assert.ok(count > 0 && count < 240)
  await total(count).waitFor()
  await page.getByRole('button', { name: 'Export' }).click()
  const links = page.getByRole('dialog').getByRole('link')
  await links.first().waitFor()
  const files = {}
  let excel
  let people
  for (const link of await links.all()) {
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
    const extension = download.suggestedFilename().split('.').at(-1)
    const bytes = await readFile(await download.path())
    const { searchParams } = new URL(await link.evaluate(({ href }) => href))
    if (searchParams.has('bom')) excel = bytes
    else if (searchParams.has('layout')) people = bytes
    else files[extension] = bytes
  }
  // The rows may have got details in between.
  const headerOf = (csv) => csv.toString().split('\r\n')[0]
  assert.equal(headerOf(excel), `\uFEFF${headerOf(files.csv)}`)
  assert.deepEqual(Object.keys(files).toSorted(), ['csv', 'json', 'ndjson', 'parquet', 'xlsx'])
  const ids = items.map(({ id }) => id).toSorted()
  const idsOf = (jobs) => jobs.map(({ id }) => id).toSorted()
  assert.deepEqual(idsOf(JSON.parse(files.json)), ids)
  assert.deepEqual(idsOf(files.ndjson.toString().trim().split('\n').map((line) => JSON.parse(line))), ids)
  const [header, ...lines] = files.csv.toString().trim().split(/\r?\n/)
  assert.match(header, /(^|\W)id\W/)
  assert.equal(lines.length, count)
  assert.equal(files.parquet.toString('latin1', 0, 4), 'PAR1')
  assert.equal(files.parquet.toString('latin1', files.parquet.length - 4), 'PAR1')
  assert.equal(files.xlsx.toString('latin1', 0, 4), 'PK\u0003\u0004')
  assert.ok([files.parquet, files.xlsx, people].every(({ length }) => length > 1_000))
  assert.notDeepEqual(people, files.xlsx)
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await total(240).waitFor()
})

test('a filter without a match says so', async () => {
  await page.getByLabel('Search files, notes, tags, reasons').fill('no such file')
  await page.getByRole('heading', { name: 'No job matches' }).waitFor()
  await page.getByRole('button', { name: 'Clear filters' }).first().click()
  await total(240).waitFor()
})

test('the table is used by keyboard', async () => {
  await page.locator('a[data-job]').first().focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await page.getByText('1 selected').waitFor()
  assert.ok(await rows().nth(1).getByRole('checkbox').isChecked())
  await page.getByRole('button', { name: 'Clear selection' }).click()
})

test('columns are hidden and shown', async () => {
  const header = page.getByRole('columnheader', { name: 'Filament' })
  await header.waitFor()
  await page.getByRole('button', { name: 'Columns' }).click()
  await page.getByRole('dialog').getByText('Filament').click()
  await header.waitFor({ state: 'detached' })
  await page.getByRole('dialog').getByText('Filament').click()
  await header.waitFor()
  await page.keyboard.press('Escape')
})

test('selected jobs are deleted after a question', async () => {
  await rows().nth(0).getByRole('checkbox').check()
  await rows().nth(2).getByRole('checkbox').check()
  await page.getByRole('button', { name: 'Delete' }).click()
  const dialog = page.getByRole('dialog', { name: 'Delete 2 jobs?' })
  await dialog.waitFor()
  const names = await page.locator('a[data-job]').allTextContents()
  assert.deepEqual(await dialog.getByRole('listitem').locator('span:first-child').allTextContents(), [names[0].trim(), names[2].trim()])
  assert.deepEqual(await barriers(page), [])
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await total(238).waitFor()
  assert.equal((await world.api('jobs?limit=1')).total, 238)
})

test('a job shows what is known of it', async () => {
  const { id } = await jobWithDetails()
  await page.goto(`${world.url}jobs/${id}`)
  await page.getByRole('region', { name: 'Times and filament' }).waitFor()
  await page.getByRole('region', { name: 'Filament by tool' }).getByText('T0').waitFor()
  await page.locator('summary', { hasText: 'Slicer settings' }).click()
  await page.getByLabel('Search names and values').fill('layer_height')
  await page.getByRole('rowheader', { name: 'layer_height', exact: true }).waitFor()
  await page.getByText('Layers and quality').waitFor()
  await page.getByLabel('Search names and values').fill('no such setting')
  await page.getByText('No matches.').waitFor()
  await page.locator('summary', { hasText: 'Slicer settings' }).click()
  await page.getByText('Raw metadata from Moonraker').click()
  await page.getByLabel('Search names and values').fill('slicer')
  await page.getByRole('rowheader', { name: 'slicer', exact: true }).waitFor()
  assert.deepEqual(await barriers(page), [])
  await page.goBack()
  await total(238).waitFor()
})

test('a job that does not exist says so', async () => {
  await page.goto(`${world.url}jobs/999999`)
  await page.getByRole('heading', { name: 'Job not found' }).waitFor()
  problems.length = 0 // The browser itself notes the 404.
  await page.getByRole('link', { name: 'Jobs' }).first().click()
  await total(238).waitFor()
})

test('on a phone there are cards, and nothing is wider than the screen', async () => {
  const phone = await world.openPage({ viewport: { width: 360, height: 740 }, colorScheme: 'dark' })
  await world.signIn(phone.page)
  for (const name of ['Dashboard', 'Jobs', 'Printers', 'Settings']) {
    await phone.page.getByRole('link', { name, exact: true }).last().click()
    await phone.page.getByRole('heading', { name, level: 1 }).waitFor()
    await phone.page.waitForFunction(() => document.querySelector('main .animate-pulse') === null)
    const [content, screen] = await phone.page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
    assert.ok(content <= screen, `${name} is ${content} wide`)
    assert.deepEqual(await barriers(phone.page), [], name)
  }
  await phone.page.getByRole('link', { name: 'Jobs', exact: true }).last().click()
  const { items: [job] } = await world.api('jobs?limit=1')
  const card = phone.page.getByRole('listitem').filter({ has: phone.page.locator(`a[href$="jobs/${job.id}"]`) })
  await card.getByRole('button', { name: 'Good' }).click()
  await card.locator('[aria-pressed=true]').waitFor()
  assert.equal((await world.api(`jobs/${job.id}`)).verdict, 'good')
  assert.deepEqual(phone.problems, [])
})

test('hostile names are only text', async () => {
  const name = '<img src=x onerror="document.title=1">{{ 1 + 1 }}'
  const { id } = await world.api('printers', { method: 'POST', body: JSON.stringify({ name, moonraker_url: '127.0.0.1:1', is_active: false }) })
  await page.getByRole('link', { name: 'Printers' }).first().click()
  await page.getByRole('heading', { name }).waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  await world.api(`printers/${id}`, { method: 'DELETE' })
})

test('the console is silent', () => assert.deepEqual(problems, []))
