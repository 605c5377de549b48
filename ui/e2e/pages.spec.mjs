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

let world
let paths

before(async () => {
  world = await openWorld({ printers: 2, simulator: ['--seed', '5', '--history', '40', '--files', '40', '--printing', '1'] })
  await addMachines(world)
  const [failed] = (await world.api('jobs?status=error&limit=1')).items
  paths = ['', 'jobs', `jobs/${failed.id}`, 'analytics', 'printers', 'printers?add=1', 'settings', 'board', 'no/such/page']
})
after(() => world?.close())

for (const [look, options] of Object.entries(LOOKS)) {
  test(`every page is for everybody: ${look}`, async () => {
    const { page, problems, foreign } = await world.openPage(options)
    await page.goto(`${world.url}sign-in`)
    await page.getByLabel('API key').waitFor()
    assert.deepEqual(await barriers(page), [], 'sign-in')
    await world.signIn(page)
    for (const path of paths) {
      await page.goto(world.url + path)
      await page.locator('text="Live" >> visible=true').first().waitFor()
      await page.waitForFunction(() => document.querySelector('main .animate-pulse') === null)
      assert.deepEqual(await barriers(page), [], path)
      const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
      assert.ok(content <= screen, `/${path} is ${content} wide`)
    }
    assert.deepEqual(foreign, [])
    assert.deepEqual(problems, [])
    await page.context().close()
  })
}
