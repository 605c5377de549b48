// What users say of a job: verdict, reason, title, tags, notes; who said it; and that it is found again.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { addMachines, openWorld } from './world.mjs'

let world
let page
let problems
let job

before(async () => {
  world = await openWorld({ printers: 1, simulator: ['--seed', '11', '--history', '6'] })
  await addMachines(world)
  ;({ page, problems } = await world.openPage())
  ;[job] = (await world.api('jobs?limit=1')).items
  await world.signIn(page, `jobs/${job.id}`)
})
after(() => world?.close())

test('a job is judged, named, tagged and described', async () => {
  const notes = page.getByRole('region', { name: 'Rating and notes' })
  await notes.getByRole('button', { name: 'Edit' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Title').fill('<b>Bracket</b> for the lamp')
  await dialog.getByText('Scrap').click()
  await dialog.getByLabel('Reason').fill('Spaghetti monster')
  await dialog.getByLabel('Tags').pressSequentially('gift;lamp,')
  await dialog.getByRole('button', { name: 'Remove tag gift' }).waitFor()
  await dialog.getByLabel('Notes', { exact: true }).fill('Try a brim.')
  assert.deepEqual(await barriers(page), [])
  await page.keyboard.press('Control+Enter')
  await page.getByRole('heading', { name: '<b>Bracket</b> for the lamp', level: 1 }).waitFor()
  await notes.getByText('Spaghetti monster').first().waitFor()
  const saved = await world.api(`jobs/${job.id}`)
  assert.deepEqual([saved.verdict, saved.verdict_reason, saved.tags, saved.notes], ['scrap', 'Spaghetti monster', ['gift', 'lamp'], 'Try a brim.'])
})

test('the Back button asks before it loses what was typed', async () => {
  const { pathname } = new URL(page.url())
  await page.getByRole('link', { name: 'Jobs' }).first().click()
  await page.locator(`a[href$="jobs/${job.id}"]`).first().click()
  await page.getByRole('region', { name: 'Rating and notes' }).getByRole('button', { name: 'Edit' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Notes', { exact: true }).fill('Not saved yet.')
  await page.evaluate(() => history.back())
  await dialog.getByText('Discard your changes?').waitFor()
  assert.equal(new URL(page.url()).pathname, pathname)
  await dialog.getByRole('button', { name: 'Keep editing' }).click()
  assert.equal(await dialog.getByLabel('Notes', { exact: true }).inputValue(), 'Not saved yet.')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await dialog.getByRole('button', { name: 'Discard' }).click()
  await dialog.waitFor({ state: 'detached' })
  await page.evaluate(() => history.back())
  await page.getByRole('heading', { name: 'Jobs', level: 1 }).waitFor()
  await page.goForward()
  await page.getByRole('region', { name: 'Rating and notes' }).waitFor()
})

test('who changed what is kept', async () => {
  await page.getByText('Change history').click()
  await page.getByText(/browser tests · Rating/).first().waitFor()
  assert.deepEqual(await barriers(page), [])
})

test('it is found by its tag, its verdict and its title', async () => {
  await page.getByRole('link', { name: 'lamp', exact: true }).click()
  await page.getByText('1 job', { exact: true }).waitFor()
  assert.equal(new URL(page.url()).searchParams.get('tag'), 'lamp')
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await page.getByText('6 jobs', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Any rating' }).click()
  await page.getByRole('dialog').getByText('Scrap').click()
  await page.getByText('1 job', { exact: true }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await page.getByRole('searchbox').fill('for the lamp')
  await page.getByText('1 job', { exact: true }).waitFor()
})

test('it is counted in the ratings of the analytics, with its reason', async () => {
  await page.goto(`${world.url}analytics?printer=${job.printer_id}`)
  const verdicts = page.getByRole('region', { name: 'Ratings', exact: true })
  await verdicts.getByText(/^1 job rated: 0\s?% good\. Scrap used/).waitFor()
  await verdicts.getByRole('button', { name: 'Ratings as table' }).click()
  await verdicts.getByRole('row', { name: 'Scrap 1' }).waitFor()
  await verdicts.getByText('Reason', { exact: true }).click()
  await verdicts.getByRole('rowheader', { name: 'Spaghetti monster' }).waitFor()
  assert.deepEqual(await barriers(page), [])
})

test('the reasons are a list that can be edited', async () => {
  await page.getByRole('link', { name: 'Settings' }).first().click()
  const reasons = page.getByRole('region', { name: 'Rating reasons' })
  await reasons.getByText('Spaghetti monster').waitFor()
  await reasons.getByLabel('New reason').fill('Layer shift at noon')
  await reasons.getByRole('button', { name: 'Add' }).click()
  await reasons.getByText('Layer shift at noon').waitFor()
  await reasons.getByRole('button', { name: 'Remove “Spaghetti monster”' }).click()
  await reasons.getByText('Spaghetti monster').waitFor({ state: 'detached' })
  assert.deepEqual(await barriers(page), [])
})

test('the console is silent', () => assert.deepEqual(problems, []))
