// Every page and dialog, light and dark, on a phone, in both languages: nothing serious for axe, nothing wider than the
// screen, no complaint.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { textsOf } from './texts.mjs'
import { addMachines, LANGUAGES, openWorld, settled } from './world.mjs'

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
let failed

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

/** Opens everything that opens, one after the other. `t` are the texts. */
async function openAll(page, t) {
  const dialog = page.getByRole('dialog')
  const button = (name) => page.getByRole('button', { name, exact: true })
  const open = async (path) => {
    await page.goto(world.url + path)
    await settled(page)
  }
  const close = async () => {
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  }
  for (const [action, name] of [['common.edit', "a printer's dialog"], ['common.remove', 'the removal of a printer']]) {
    await open('printers')
    await button(t('printers.actions', { name: LONG_NAME })).click()
    await page.getByRole('menuitem').first().waitFor()
    await isForEverybody(page, "a printer's menu")
    await page.getByRole('menuitem', { name: t(action) }).click()
    await dialog.waitFor()
    await isForEverybody(page, name)
  }

  await open('jobs')
  const popovers = page.locator('main button[aria-haspopup=dialog]')
  for (let index = 0; index < (await popovers.count()); index += 1) {
    await popovers.nth(index).click()
    await dialog.waitFor()
    await isForEverybody(page, `popover ${index} of the jobs`)
    await close()
  }
  await page.locator('main li, main tbody tr').first().getByRole('checkbox').check()
  await page.getByRole('region', { name: t('jobs.selection') }).waitFor()
  await isForEverybody(page, 'a selection')
  await page.getByRole('region', { name: t('jobs.selection') }).getByRole('button', { name: t('common.delete') }).click()
  await dialog.waitFor()
  await isForEverybody(page, 'the deletion of jobs')

  await open(`jobs/${failed.id}`)
  await button(t('common.edit')).click()
  await dialog.waitFor()
  await isForEverybody(page, 'the dialog of notes')
  await dialog.getByRole('textbox', { name: t('notes.fields.title') }).fill('Changed')
  await page.keyboard.press('Escape')
  await dialog.getByText(t('common.discardTitle')).waitFor()
  await isForEverybody(page, 'the question whether to discard')
}

/** Creates a key, and asks whether to revoke it. */
async function openKeys(page, t, name) {
  const dialog = page.getByRole('dialog')
  await page.goto(`${world.url}settings`)
  await settled(page)
  await page.getByRole('button', { name: t('keys.create') }).click()
  await dialog.getByLabel(t('keys.name')).fill(name)
  await isForEverybody(page, "a key's dialog")
  await dialog.getByRole('button', { name: t('keys.create') }).click()
  await dialog.getByLabel(t('keys.key'), { exact: true }).waitFor()
  await isForEverybody(page, 'a key that was made')
  await dialog.getByRole('button', { name: t('keys.saved') }).click()
  await page.getByRole('button', { name: t('keys.revokeOf', { name }) }).click()
  await dialog.waitFor()
  await isForEverybody(page, 'the question whether to revoke')
}

before(async () => {
  world = await openWorld({ printers: 2, simulator: ['--seed', '5', '--history', '40', '--files', '40', '--printing', '1'] })
  const [printer] = await addMachines(world)
  await world.api(`printers/${printer.id}`, { method: 'PUT', body: JSON.stringify({ name: LONG_NAME, location: LONG_NAME, moonraker_url: printer.moonraker_url }) })
  ;[failed] = (await world.api('jobs?status=error&limit=1')).items
  const [gone] = (await world.api('jobs?status=completed&limit=1')).items
  await world.api(`jobs/${gone.id}`, { method: 'DELETE' })
  paths = ['', 'jobs', `jobs/${failed.id}`, 'jobs/deleted', 'analytics', 'printers', 'printers?add=1', 'settings', 'board', 'no/such/page']
})
after(() => world?.close())

for (const language of LANGUAGES) {
  for (const [look, options] of Object.entries(LOOKS)) {
    test(`every page and dialog is for everybody: ${language}, ${look}`, async () => {
      const t = await textsOf(language)
      const { page, problems, foreign } = await world.openPage({ ...options, locale: language })
      await page.goto(`${world.url}sign-in`)
      await page.getByLabel(t('signIn.key')).waitFor()
      await isForEverybody(page, 'sign-in')
      await world.signIn(page)
      for (const path of paths) {
        await page.goto(world.url + path)
        await settled(page)
        await isForEverybody(page, `/${path}`)
      }
      if (look === (language === 'en-GB' ? 'light' : 'dark phone')) await openAll(page, t)
      await openKeys(page, t, `${language} ${look}`)
      assert.deepEqual(foreign, [])
      assert.deepEqual(problems, [])
      await page.context().close()
    })
  }
}
