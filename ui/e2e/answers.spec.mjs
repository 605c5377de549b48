// Questions that users ask, each answered within a budget of clicks; two of the tasks with the keyboard only.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { click, choose, task } from './budget.mjs'
import { addMachines, openWorld, settled, SIZES } from './world.mjs'

/** No task takes more presses of the tab key than this from one control to the next. */
const MOST_TABS = 60

let world
let page
let problems
let printers
const dialog = () => page.getByRole('dialog')
const region = (name) => page.getByRole('region', { name, exact: true })
const total = (count) => page.getByText(`${count} job${count === 1 ? '' : 's'}`, { exact: true })

/** Moves the focus with Tab to the control with this text, or label. */
async function tabTo(pattern) {
  const nameOf = () =>
    page.evaluate(() => {
      const element = document.activeElement
      return (element?.getAttribute('aria-label') ?? element?.labels?.[0]?.textContent ?? element?.textContent ?? '').trim()
    })
  const passed = []
  for (let presses = 0; presses < MOST_TABS; presses += 1) {
    await page.keyboard.press('Tab')
    const name = await nameOf()
    if (pattern.test(name)) return
    passed.push(name.slice(0, 30))
  }
  assert.fail(`Tab does not reach ${pattern}, but ${passed.join(' | ')}`)
}

/** Monday of the current week in the zone of the pages. */
function monday() {
  const today = new Date(`${new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Berlin' }).format(new Date())}T00:00:00Z`)
  return new Date(today.getTime() - ((today.getUTCDay() + 6) % 7) * 86_400_000)
}
const dayBefore = (date, days) => new Date(date.getTime() - days * 86_400_000).toISOString().slice(0, 10)

before(async () => {
  world = await openWorld({
    printers: 3, simulator: ['--seed', '7', '--history', '90', '--files', '30', '--history-days', '40'], settings: { PRINTLOG_DETAILS__RATE: '6000' },
  })
  // The last one is added by a user.
  const spare = world.machines.pop()
  printers = await addMachines(world)
  world.machines.push(spare)
  while ((await world.api('system')).details.pending > 0) await new Promise((resolve) => setTimeout(resolve, 500))
  ;({ page, problems } = await world.openPage({ viewport: SIZES.desktop }))
  await world.signIn(page)
})
after(() => world?.close())

test("with the keyboard only: why did last week's prints of one printer fail", async () => {
  const [since, until] = [dayBefore(monday(), 7), dayBefore(monday(), 0)]
  const failedOf = (id) => world.api(`jobs?printer_id=${id}&status=failed&since=${since}T00:00:00%2B01:00&until=${until}T00:00:00%2B01:00&limit=50`)
  const lists = await Promise.all(printers.map(({ id }) => failedOf(id)))
  const at = lists.findIndex((list) => list.total > 0)
  assert.ok(at >= 0, 'no print of last week failed')
  await page.goto(`${world.url}jobs`)
  await settled(page)
  await page.keyboard.press('/')
  await tabTo(/^Any time$/)
  await page.keyboard.press('Enter')
  await tabTo(/^Last week$/)
  await page.keyboard.press('Enter')
  await page.keyboard.press('Escape')
  await tabTo(/^All printers$/)
  await page.keyboard.press('Enter')
  await dialog().waitFor()
  await tabTo(new RegExp(printers[at].name))
  await page.keyboard.press('Space')
  await page.keyboard.press('Escape')
  await tabTo(/^Any status$/)
  await page.keyboard.press('Enter')
  await dialog().waitFor()
  await page.waitForFunction(() => document.activeElement?.type === 'checkbox')
  await page.keyboard.press('Space')
  await page.keyboard.press('Escape')
  await total(lists[at].total).waitFor()
  const job = lists[at].items.find(({ message }) => message) ?? lists[at].items[0]
  await page.locator('tr', { has: page.locator(`a[href$="jobs/${job.id}"]`) }).getByText(job.message ?? /Error|End unknown/).first().waitFor()
  assert.deepEqual(await barriers(page), [])
})

test('with the keyboard only: a print is rated, tagged and noted', async () => {
  const { items: [job] } = await world.api('jobs?status=completed&limit=1')
  await page.goto(`${world.url}jobs`)
  await settled(page)
  await page.keyboard.press('/')
  await page.keyboard.type(job.filename)
  await total((await world.api(`jobs?q=${encodeURIComponent(job.filename)}&limit=1`)).total).waitFor()
  await page.waitForFunction((id) => document.querySelector('a[data-job]')?.href.endsWith(`jobs/${id}`), job.id)
  // The link shows the name without folder and ending.
  await tabTo(new RegExp(`^${job.filename.split('/').at(-1).split('.')[0]}`))
  await page.keyboard.press('Enter')
  await region('Rating and notes').waitFor()
  await tabTo(/^Edit$/)
  await page.keyboard.press('Enter')
  await dialog().waitFor()
  await page.waitForFunction(() => document.activeElement?.type === 'radio')
  await page.keyboard.press('ArrowRight')
  await tabTo(/^Tags/)
  await page.keyboard.type('gift')
  await page.keyboard.press('Enter')
  await tabTo(/^Notes$/)
  await page.keyboard.type('Sits well.')
  await page.keyboard.press('Control+Enter')
  await dialog().waitFor({ state: 'detached' })
  await region('Rating and notes').getByText('Sits well.').first().waitFor()
  const { verdict, tags, notes } = await world.api(`jobs/${job.id}`)
  assert.deepEqual([verdict, tags, notes], ['good', ['gift'], 'Sits well.'])
})

task('which prints in PETG took more than three hours', async () => {
  await page.goto(`${world.url}jobs`)
  await click(page.getByRole('button', { name: 'Any material' }))
  await click(dialog().getByText('PETG', { exact: true }))
  await page.keyboard.press('Escape')
  await click(page.getByRole('button', { name: 'More filters' }))
  await dialog().getByRole('group', { name: 'Print time in hours' }).getByLabel('at least').fill('3')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Escape')
  const { total: count } = await world.api('jobs?filament_type=petg&print_duration_min=10800&limit=1')
  assert.ok(count > 0)
  await total(count).waitFor()
})

task('how is this month compared with the last one', async () => {
  await page.goto(`${world.url}analytics`)
  await click(page.getByRole('button', { name: 'Last 90 days' }))
  await click(dialog().getByRole('button', { name: 'This month' }))
  await page.keyboard.press('Escape')
  await choose(page.getByLabel('Compare with'), 'Same days last month')
  const since = new URL(page.url()).searchParams.get('from')
  const { previous } = await world.api(`analytics/summary?since=${since}&compare=last_month&tz=Europe/Berlin`)
  await region('Summary').getByText(new RegExp(`^vs ${previous.jobs}, `)).waitFor()
  await choose(page.getByLabel('Compare with'), 'Previous period')
})

task('which file fails most', async () => {
  await page.goto(`${world.url}analytics`)
  await click(region('Files').getByText('Most failed', { exact: true }))
  await click(region('Files').getByRole('button', { name: 'Files as table' }))
  const since = new URL(page.url()).searchParams.get('from')
  const { items: [file] } = await world.api(`analytics/files?since=${since}&sort=failed&limit=1&tz=Europe/Berlin`)
  await region('Files').locator('tbody tr').first().getByRole('rowheader', { name: file.filename }).waitFor()
  assert.equal(await region('Files').locator('tbody tr').first().locator('td').nth(1).textContent(), String(file.failed))
})

task('how much of each material was used, in grams and in money', async () => {
  await page.goto(`${world.url}analytics`)
  await click(region('Filament used').getByRole('button', { name: 'Filament used as table' }))
  const since = new URL(page.url()).searchParams.get('from')
  const { by_type: groups } = await world.api(`analytics/filament?since=${since}&tz=Europe/Berlin`)
  const group = groups.find(({ key, cost }) => key !== null && cost.length === 1)
  const cells = region('Filament used').locator('tr', { has: page.getByRole('rowheader', { name: group.key, exact: true }) }).locator('td')
  assert.match(await cells.nth(0).textContent(), / k?g$/)
  const amount = new Intl.NumberFormat('en-GB', { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(group.cost[0].amount)
  assert.ok((await cells.nth(1).textContent()).includes(amount), `${await cells.nth(1).textContent()} is not ${amount}`)
  assert.deepEqual(await barriers(page), [])
})

task('the currency is asked for where a cost appears, and set for all', async () => {
  await page.goto(`${world.url}analytics`)
  const question = region('Summary').getByLabel('Costs come from the slicer, without a currency. Which one is it?')
  await choose(question, 'EUR')
  await region('Summary').getByText(/€[\d,.]+/).waitFor()
  await question.waitFor({ state: 'detached' })
  assert.deepEqual(await world.api('system').then(({ currency, currency_needed: needed }) => [currency, needed]), ['EUR', false])
  await page.goto(`${world.url}settings`)
  const field = region('Costs').getByLabel('Currency')
  await page.waitForFunction((element) => element.value === 'EUR', await field.elementHandle())
  assert.deepEqual(await barriers(page), [])
  await choose(field, 'CHF')
  await page.getByText('Costs are now in CHF.').waitFor()
  assert.equal((await world.api('settings/currency')).currency, 'CHF')
})

/** What a click on a link saves. */
async function saved(link) {
  const [download] = await Promise.all([page.waitForEvent('download'), click(link)])
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) }
}

task('the prints of a printer are opened in Excel', async () => {
  const [printer] = printers
  await page.goto(`${world.url}jobs`)
  await click(page.getByRole('button', { name: 'All printers' }))
  await click(dialog().getByText(printer.name))
  await page.keyboard.press('Escape')
  await total((await world.api(`jobs?printer_id=${printer.id}&limit=1`)).total).waitFor()
  await click(page.getByRole('button', { name: 'Export' }))
  const first = dialog().getByRole('link').first()
  assert.equal((await first.textContent()).trim(), 'Excel')
  const { searchParams } = new URL(await first.evaluate(({ href }) => href))
  assert.deepEqual(['layout', 'lang', 'tz', 'printer_id'].map((name) => searchParams.get(name)), ['people', 'en', 'Europe/Berlin', String(printer.id)])
  assert.deepEqual(await barriers(page), [])
  const { name, bytes } = await saved(first)
  assert.match(name, /^printlog-jobs-.*\.xlsx$/)
  assert.equal(bytes.toString('latin1', 0, 4), 'PK\u0003\u0004')
})

task('the figures of a period are opened in Excel', async () => {
  await page.goto(`${world.url}analytics`)
  await region('Summary').getByLabel('Compare with').waitFor()
  const link = page.getByRole('link', { name: 'Export to Excel' })
  const { searchParams } = new URL(await link.evaluate(({ href }) => href))
  assert.deepEqual(['compare', 'lang', 'tz'].map((name) => searchParams.get(name)), ['previous', 'en', 'Europe/Berlin'])
  assert.ok(searchParams.has('since'))
  const { name, bytes } = await saved(link)
  assert.match(name, /^printlog-analytics-.*\.xlsx$/)
  assert.equal(bytes.toString('latin1', 0, 4), 'PK\u0003\u0004')
})

task('a printer is added', async () => {
  const { url } = world.machines.at(-1)
  await click(page.getByRole('link', { name: 'Printers' }).first())
  await click(page.getByRole('button', { name: 'Add printer' }))
  await dialog().getByLabel('Address').fill(url)
  await dialog().getByLabel('Name').fill('New one')
  await click(dialog().getByRole('button', { name: 'Test connection' }))
  await dialog().getByText('Connected.').waitFor()
  await click(dialog().getByRole('button', { name: 'Add printer' }))
  await page.getByRole('article', { name: 'New one' }).waitFor()
})

test('a key that may only read finds "View only" on every page, and nothing to change', async () => {
  const { key } = await world.command('keys', 'create', 'viewer', '--scope', 'read')
  const { page: viewer, problems: complaints } = await world.openPage({ viewport: SIZES.laptop })
  await world.signIn(viewer, '', undefined, key)
  const [job] = (await world.api('jobs?limit=1')).items
  await world.api('settings/currency', { method: 'PUT', body: JSON.stringify({ currency: null }) })
  for (const path of ['', 'jobs', `jobs/${job.id}`, 'analytics', 'printers', 'settings']) {
    await viewer.goto(world.url + path)
    await settled(viewer)
    await viewer.locator('text="View only" >> visible=true').first().waitFor()
    const offers = await viewer.getByRole('button', { name: /^(Delete|Edit|Add|Good|Usable|Scrap|Actions|Create|Remove|Revoke)/ }).allTextContents()
    assert.deepEqual(offers, [], `/${path}`)
    assert.equal(await viewer.getByLabel('Which one is it?').count(), 0, `/${path}`)
  }
  assert.ok(await viewer.getByLabel('Currency').isDisabled())
  assert.deepEqual(complaints, [])
  await viewer.context().close()
})

test('the console is silent', () => assert.deepEqual(problems, []))
