// From the first visit to the first printer, and its end.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { advertise, openWorld } from './world.mjs'

let world
let page
let problems
let foreign

before(async () => {
  world = await openWorld({ printers: 2, simulator: ['--seed', '3', '--history', '12'] })
  ;({ page, problems, foreign } = await world.openPage())
})
after(() => world?.close())

test('a wrong key is refused, with a reason', async () => {
  await page.goto(`${world.url}printers`)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.deepEqual(await barriers(page), [])
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Enter your key. It begins with 3dp_.').waitFor()
  await page.getByLabel('API key').fill('3dp_wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('This key is unknown, expired or revoked.').waitFor()
  problems.length = 0 // The browser itself notes the 401.
})

test('the right key leads to the page that was wanted', async () => {
  await page.getByLabel('API key').fill(world.key)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'No printers yet' }).waitFor()
  assert.equal(new URL(page.url()).pathname, '/printers')
  await page.getByRole('link', { name: 'Dashboard' }).first().click()
  await page.getByRole('heading', { name: 'Welcome to printlog' }).waitFor()
  assert.deepEqual(await barriers(page), [])
})

test('a printer is tried, then added, and its history appears', async () => {
  await page.getByRole('link', { name: 'Add printer' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Search the local network' }).click()
  await dialog.getByText('No printers found.').or(dialog.getByRole('list')).first().waitFor()
  await dialog.getByLabel('Address').fill('127.0.0.1:1')
  await dialog.getByRole('button', { name: 'Test connection' }).click()
  await dialog.getByText(/Nothing listens at/).waitFor()
  await dialog.getByLabel('Address').fill(world.machines[0].url)
  await dialog.getByRole('button', { name: 'Test connection' }).click()
  await dialog.getByText('Connected.').waitFor()
  await dialog.getByLabel('Name').fill('First')
  await dialog.getByLabel('Location (optional)').fill('Workshop')
  assert.deepEqual(await barriers(page), [])
  await dialog.getByRole('button', { name: 'Add printer' }).click()
  await page.getByRole('article', { name: 'First' }).getByText('12', { exact: true }).waitFor()
  await page.getByText('Ready').waitFor()
})

test('a new printer is tested first; a known address is recognised, one that does not answer is added on request', async () => {
  await page.getByRole('button', { name: 'Add printer' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Address').fill(world.machines[0].url)
  await dialog.getByLabel('Name').fill('Again')
  await dialog.getByRole('button', { name: 'Add printer' }).click()
  await dialog.getByText('Already added as First.').waitFor()
  await dialog.getByRole('link', { name: 'First' }).click()
  await page.waitForURL(`**/printers#printer-${(await world.api('printers')).items[0].id}`)
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Add printer' }).click()
  await dialog.getByLabel('Address').fill('127.0.0.1:1')
  await dialog.getByLabel('Name').fill('Shed')
  await dialog.getByRole('button', { name: 'Add printer' }).click()
  await dialog.getByText(/Nothing listens at/).waitFor()
  assert.equal((await world.api('printers')).items.length, 1)
  await dialog.getByRole('button', { name: 'Add anyway' }).click()
  await page.getByText('Shed was added, but does not answer yet.').waitFor()
  await page.getByRole('article', { name: 'Shed' }).getByText('Never connected').waitFor()
  const { id } = (await world.api('printers')).items.find(({ name }) => name === 'Shed')
  await world.api(`printers/${id}`, { method: 'DELETE' })
  await page.getByRole('article', { name: 'Shed' }).waitFor({ state: 'detached' })
})

test('a printer that announces itself on the network is found, tested, and fills the form', async () => {
  const { url } = world.machines[1]
  const child = advertise('Moonraker @ bench', url)
  try {
    await once(child.stdout, 'data')
    await page.getByRole('button', { name: 'Add printer' }).click()
    const dialog = page.getByRole('dialog')
    const entry = dialog.getByRole('listitem').filter({ hasText: 'Moonraker @ bench' })
    // A packet may be lost.
    for (let look = 0; look < 5 && !(await entry.isVisible()); look += 1) {
      const answered = page.waitForResponse(/printers\/discover/)
      await dialog.getByRole('button', { name: 'Search the local network' }).click()
      await answered
      await dialog.getByText('No printers found.').or(dialog.getByRole('list')).first().waitFor()
    }
    assert.deepEqual(await barriers(page), [])
    await entry.getByRole('button', { name: 'Choose Moonraker @ bench' }).click()
    await dialog.getByText('Connected.').waitFor()
    assert.equal(await dialog.getByLabel('Address').inputValue(), url)
    assert.equal(await dialog.getByLabel('Name').inputValue(), 'bench')
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await dialog.getByRole('button', { name: 'Discard' }).click()
  } finally {
    child.stdin.end()
    await once(child, 'exit')
  }
})

test('what is wrong with a field is said at the field', async () => {
  await page.getByRole('button', { name: 'Add printer' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Address').fill('ftp://nowhere')
  await dialog.getByLabel('Name').fill('Second')
  await dialog.getByRole('button', { name: 'Add printer' }).click()
  await dialog.locator('[aria-invalid=true]').waitFor()
  assert.equal(await dialog.locator('[aria-invalid=true]').getAttribute('name'), 'address')
  await dialog.getByLabel('Address').fill(world.machines[1].url)
  await dialog.getByLabel('Name').fill(' first ')
  await dialog.getByRole('button', { name: 'Add printer' }).click()
  await dialog.locator('[name=name][aria-invalid=true]').waitFor()
  await page.keyboard.press('Escape')
  await dialog.getByRole('alert').filter({ hasText: 'Discard your changes?' }).waitFor()
  await dialog.getByRole('button', { name: 'Keep editing' }).click()
  await page.keyboard.press('Escape')
  await dialog.getByRole('button', { name: 'Discard' }).click()
  await dialog.waitFor({ state: 'detached' })
  problems.length = 0 // The browser itself notes 409 and 422.
})

test('a printer is renamed, paused and resumed', async () => {
  const choose = async (item) => {
    await page.getByRole('button', { name: /^Actions for/ }).click()
    await page.getByRole('menuitem', { name: item }).click()
  }
  await choose('Edit')
  await page.getByRole('dialog').getByLabel('Name').fill('Renamed')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await page.getByRole('article', { name: 'Renamed' }).waitFor()
  await choose('Pause recording')
  await page.getByText('Not recorded').waitFor()
  await choose('Resume recording')
  await page.getByText('Ready').waitFor()
})

test('a printer is removed with its jobs after an explicit choice', async () => {
  await page.getByRole('button', { name: /^Actions for/ }).click()
  await page.getByRole('menuitem', { name: 'Remove' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('It has 12 recorded jobs.').waitFor()
  assert.deepEqual(await barriers(page), [])
  await dialog.getByRole('button', { name: 'Pause recording' }).waitFor()
  await dialog.getByText('Remove it with its 12 jobs').click()
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('heading', { name: 'No printers yet' }).waitFor()
  assert.equal((await world.api('jobs')).total, 0)
})

test('keys are made, shown once, and revoked', async () => {
  await page.getByRole('link', { name: 'Settings' }).first().click()
  await page.getByRole('button', { name: 'Create key' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('laptop')
  await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click()
  const made = await page.getByRole('dialog').getByLabel('Key', { exact: true }).inputValue()
  assert.match(made, /^3dp_/)
  await page.keyboard.press('Escape')
  assert.equal(await page.getByRole('dialog').getByLabel('Key', { exact: true }).inputValue(), made)
  const asked = await fetch(`${world.url}api/printers`, { headers: { authorization: `Bearer ${made}` } })
  assert.equal(asked.status, 200)
  await page.getByRole('button', { name: 'I have saved it' }).click()
  await page.getByRole('button', { name: 'Revoke laptop' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page.getByText('Revoked', { exact: true }).waitFor()
  await page.getByRole('listitem').filter({ hasText: 'Used by this browser' }).getByRole('button', { name: /^Revoke/ }).click()
  await page.getByText('You are signed in with this key.').waitFor()
  await page.getByRole('button', { name: 'Cancel' }).click()
  assert.deepEqual(await barriers(page), [])
})

test('language, theme and units are those that were chosen, also after a reload', async () => {
  await page.getByText('Deutsch').click()
  await page.getByRole('heading', { name: 'Einstellungen' }).waitFor()
  await page.getByText('Dunkel').click()
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark')
  assert.deepEqual(await barriers(page), [])
  await page.reload()
  await page.waitForFunction(() => document.documentElement.lang === 'de')
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark')
})

test('nothing was asked of anybody else, and the console is silent', () => {
  assert.deepEqual(foreign, [])
  assert.deepEqual(problems, [])
})
