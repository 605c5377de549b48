// Pages for a key that may only view, and for a server that is not healthy.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { openWorld } from './world.mjs'

let world
let page
let problems

before(async () => {
  world = await openWorld({ printers: 1, simulator: ['--seed', '5', '--history', '3'], settings: { PRINTLOG_DATABASE__SECRET_FILE: '/proc/no/secret.key' } })
  await world.api('printers', { method: 'POST', body: JSON.stringify({ name: 'Voron', moonraker_url: world.machines[0].url }) })
  ;({ page, problems } = await world.openPage())
})
after(() => world?.close())

test('a server that is not well says so on every page, and in the settings why', async () => {
  await world.signIn(page, 'jobs')
  await page.getByText(/^Printer API keys: There is no secret/).waitFor()
  assert.deepEqual(await barriers(page), [])
  await page.getByRole('link', { name: 'Details' }).click()
  await page.getByRole('heading', { name: 'Settings' }).waitFor()
  await page.getByRole('listitem').filter({ hasText: 'Printer API keys' }).getByText('There is no secret').waitFor()
  await page.getByRole('listitem').filter({ hasText: 'Recording' }).getByText('OK').waitFor()
})

test('a key that is for looking only is made, and offers nothing that it may not do', async () => {
  await page.getByRole('button', { name: 'Create key' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('wall')
  await dialog.getByText('View only').click()
  assert.deepEqual(await barriers(page), [])
  await dialog.getByRole('button', { name: 'Create key' }).click()
  const key = await dialog.getByLabel('Key', { exact: true }).inputValue()
  await page.getByRole('button', { name: 'I have saved it' }).click()
  await page.getByRole('listitem').filter({ hasText: 'wall' }).getByText('View only').waitFor()

  const { page: wall, problems: ofWall } = await world.openPage()
  await wall.goto(`${world.url}printers`)
  await wall.getByLabel('API key').fill(key)
  await wall.keyboard.press('Enter')
  await wall.getByRole('article', { name: 'Voron' }).waitFor()
  assert.equal(await wall.getByRole('button', { name: /Add printer|Actions for/ }).count(), 0)
  await wall.getByRole('link', { name: 'Jobs' }).first().click()
  await wall.getByRole('row').nth(1).waitFor()
  assert.equal(await wall.getByRole('checkbox').count(), 0)
  await wall.getByRole('row').nth(1).getByRole('link').first().click()
  await wall.getByRole('region', { name: 'Rating and notes' }).waitFor()
  assert.equal(await wall.getByRole('button', { name: 'Edit' }).count(), 0)
  await wall.getByRole('link', { name: 'Settings' }).first().click()
  await wall.getByText(/Signed in with the key .*View only/).waitFor()
  assert.equal(await wall.getByRole('heading', { name: 'API keys' }).count(), 0)
  assert.deepEqual(ofWall, [])
  assert.deepEqual(problems, [])
})
