// Every page in light, in dark and on a phone: nothing serious for axe, nothing wider than the screen, no complaint.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { addMachines, openWorld } from './world.mjs'

const LOOKS = {
  light: { viewport: { width: 1360, height: 860 }, colorScheme: 'light' },
  dark: { viewport: { width: 1360, height: 860 }, colorScheme: 'dark' },
  phone: { viewport: { width: 360, height: 740 }, colorScheme: 'light' },
  'dark phone': { viewport: { width: 360, height: 740 }, colorScheme: 'dark' },
}

/** A name as long as they may be, without a place to break it. */
const LONG_NAME = 'Voron_2.4_'.repeat(10)

let world
let paths

/** Neither the page nor a dialog on it is to be scrolled sideways. */
async function fits(page, name) {
  const wide = await page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('[role=dialog], [role=dialog] > div')]
      .filter((box) => box.scrollWidth > box.clientWidth)
      .map((box) => `${box.tagName}: ${box.scrollWidth} in ${box.clientWidth}`),
  )
  assert.deepEqual(wide, [], name)
}

async function isForEverybody(page, name) {
  assert.deepEqual(await barriers(page), [], name)
  await fits(page, name)
}

before(async () => {
  world = await openWorld({ printers: 2, simulator: ['--seed', '5', '--history', '40', '--files', '40', '--printing', '1'] })
  const [printer] = await addMachines(world)
  await world.api(`printers/${printer.id}`, { method: 'PUT', body: JSON.stringify({ name: LONG_NAME, location: LONG_NAME, moonraker_url: printer.moonraker_url }) })
  const [failed] = (await world.api('jobs?status=error&limit=1')).items
  paths = ['', 'jobs', `jobs/${failed.id}`, 'analytics', 'printers', 'printers?add=1', 'settings', 'board', 'no/such/page']
})
after(() => world?.close())

for (const [look, options] of Object.entries(LOOKS)) {
  test(`every page is for everybody: ${look}`, async () => {
    const { page, problems, foreign } = await world.openPage(options)
    await page.goto(`${world.url}sign-in`)
    await page.getByLabel('API key').waitFor()
    await isForEverybody(page, 'sign-in')
    await world.signIn(page)
    for (const path of paths) {
      await page.goto(world.url + path)
      await page.locator('text="Live" >> visible=true').first().waitFor()
      await page.waitForFunction(() => document.querySelector('main .animate-pulse') === null)
      await isForEverybody(page, `/${path}`)
    }
    const dialog = page.getByRole('dialog')
    await page.goto(`${world.url}printers`)
    await page.getByRole('button', { name: `Actions for ${LONG_NAME}` }).click()
    await page.getByRole('menuitem', { name: 'Edit' }).click()
    await dialog.getByLabel('Name').waitFor()
    await isForEverybody(page, "a printer's dialog")
    await page.goto(`${world.url}settings`)
    await page.getByRole('button', { name: 'Create key' }).click()
    await dialog.getByLabel('Name').fill(look)
    await isForEverybody(page, "a key's dialog")
    await dialog.getByRole('button', { name: 'Create key' }).click()
    await dialog.getByLabel('Key', { exact: true }).waitFor()
    await isForEverybody(page, 'a key that was made')
    assert.deepEqual(foreign, [])
    assert.deepEqual(problems, [])
    await page.context().close()
  })
}
