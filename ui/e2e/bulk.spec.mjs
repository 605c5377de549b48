// Many jobs at once: tags, ratings and deletion; its undoing, and the list of deleted jobs.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { addMachines, openWorld } from './world.mjs'

let world
let page
let problems
const rows = () => page.locator('tbody tr')
const total = (count) => page.getByText(`${count} job${count === 1 ? '' : 's'}`, { exact: true })
const bar = () => page.getByRole('region', { name: 'Selection' })
const count = async (query) => (await world.api(`jobs?limit=1&${query}`)).total
async function select(first, last) {
  await rows().nth(first).getByRole('checkbox').click()
  if (last !== undefined) await rows().nth(last).getByRole('checkbox').click({ modifiers: ['Shift'] })
}

before(async () => {
  world = await openWorld({ printers: 1, simulator: ['--seed', '12', '--history', '9'] })
  await addMachines(world)
  ;({ page, problems } = await world.openPage())
  await world.signIn(page, 'jobs')
})
after(() => world?.close())

test('a range of jobs is tagged, and loses a tag again', async () => {
  await select(1, 4)
  await bar().getByText('4 selected').waitFor()
  await bar().getByRole('button', { name: 'Tag' }).click()
  const dialog = page.getByRole('dialog', { name: 'Tags of 4 jobs' })
  await dialog.getByLabel('Add', { exact: true }).pressSequentially('gift;blue,')
  await page.keyboard.press('Escape')
  await dialog.getByText('Discard your changes?').waitFor()
  await dialog.getByRole('button', { name: 'Keep editing' }).click()
  assert.deepEqual(await barriers(page), [])
  await dialog.getByLabel('Add', { exact: true }).focus()
  await page.keyboard.press('Control+Enter')
  await page.getByText('Tags of 4 jobs changed.').waitFor()
  await dialog.waitFor({ state: 'detached' })
  assert.deepEqual([await count('tag=gift'), await count('tag=blue')], [4, 4])
  await bar().getByRole('button', { name: 'Tag' }).click()
  await dialog.getByRole('group', { name: 'Remove' }).getByText('blue').click()
  assert.deepEqual(await barriers(page), [])
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
  assert.deepEqual([await count('tag=gift'), await count('tag=blue')], [4, 0])
})

test('they are rated, also those that have the rating already', async () => {
  await world.api(`jobs/${(await world.api('jobs?limit=2')).items[1].id}`, { method: 'PATCH', body: JSON.stringify({ verdict: 'good' }) })
  await bar().getByRole('button', { name: 'Good' }).click()
  await page.getByText('4 jobs rated.').waitFor()
  assert.equal(await count('verdict=good'), 4)
  await bar().getByRole('button', { name: 'Clear selection' }).click()
})

test('a deletion is undone with the keyboard', async () => {
  const earlier = await world.api('jobs?limit=9')
  await select(0, 1)
  await bar().getByRole('button', { name: 'Delete' }).click()
  const dialog = page.getByRole('dialog', { name: 'Delete 2 jobs?' })
  await dialog.getByRole('button', { name: 'Delete' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('status').getByText('2 jobs were deleted.').waitFor()
  await total(7).waitFor()
  await page.waitForFunction(() => document.activeElement?.textContent?.trim() === 'Undo')
  assert.deepEqual(await barriers(page), [])
  await page.keyboard.press('Enter')
  await page.getByRole('status').getByText('2 jobs restored.').waitFor()
  await total(9).waitFor()
  assert.deepEqual(await world.api('jobs?limit=9'), earlier)
})

test('the page of a job leads back to the list after its deletion, where it can be undone', async () => {
  const { items: [job] } = await world.api('jobs?limit=1')
  await page.locator(`a[href$="jobs/${job.id}"]`).first().click()
  await page.getByRole('region', { name: 'Times and filament' }).waitFor()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await total(8).waitFor()
  await page.getByRole('button', { name: 'Undo' }).waitFor()
  await page.waitForFunction(() => document.activeElement?.textContent?.trim() === 'Undo')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Undo' }).waitFor({ state: 'detached' })
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'content')
})

test('deleted jobs are listed with who deleted them, and restored', async () => {
  const { items } = await world.api('jobs?limit=3')
  await world.api('jobs/bulk', { method: 'POST', body: JSON.stringify({ action: 'delete', ids: items.map(({ id }) => id) }) })
  await page.getByRole('link', { name: 'Deleted jobs' }).click()
  await page.getByRole('heading', { name: 'Deleted jobs', level: 1 }).waitFor()
  const entries = page.locator('main').getByRole('listitem')
  await entries.nth(3).waitFor()
  assert.equal(await entries.count(), 4)
  await entries.first().getByText(/^Deleted .+ with the key “browser tests”$/).waitFor()
  await entries.first().getByText('Removed for good in 30 days').waitFor()
  assert.deepEqual(await barriers(page), [])
  await entries.first().getByRole('button', { name: /^Restore / }).click()
  await page.getByText('1 job restored.').waitFor()
  await entries.nth(3).waitFor({ state: 'detached' })
  await page.getByLabel('Select all shown').check()
  await bar().getByText('3 selected').waitFor()
  assert.deepEqual(await barriers(page), [])
  await bar().getByRole('button', { name: 'Restore' }).click()
  await page.getByRole('heading', { name: 'No deleted jobs' }).waitFor()
  assert.equal(await count(''), 9)
})

test('a key that may only look can restore nothing', async () => {
  const { items: [job] } = await world.api('jobs?limit=1')
  await world.api(`jobs/${job.id}`, { method: 'DELETE' })
  const { key } = await world.command('keys', 'create', 'viewer', '--scope', 'read')
  const viewer = await world.openPage({ viewport: { width: 390, height: 844 } })
  await viewer.page.goto(`${world.url}jobs/deleted`)
  await viewer.page.getByLabel('API key').fill(key)
  await viewer.page.getByRole('button', { name: 'Sign in' }).click()
  await viewer.page.locator('main').getByRole('listitem').getByText(/^Removed for good/).waitFor()
  assert.equal(await viewer.page.getByRole('button', { name: /Restore/ }).count(), 0)
  assert.equal(await viewer.page.locator('main').getByRole('checkbox').count(), 0)
  assert.deepEqual(await barriers(viewer.page), [])
  assert.deepEqual(viewer.problems, [])
})

test('the console is silent', () => assert.deepEqual(problems, []))
