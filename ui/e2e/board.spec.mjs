// The wall display on screens of every shape, with 12-hour clocks, and what old browsers show instead of an empty page.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { addMachines, openWorld } from './world.mjs'

const PRINTERS = 12
const SCREENS = [[1920, 1080], [1366, 768], [1024, 768], [768, 1024], [360, 740]]

let world
let ids

before(async () => {
  world = await openWorld({ printers: PRINTERS, simulator: ['--seed', '12', '--printing', String(PRINTERS)] })
  ids = (await addMachines(world)).map(({ id }) => id)
})
after(() => world?.close())

test('no tile clips the name of its file, whatever the clock', async () => {
  for (const locale of ['en-US', 'en-AU', 'en-GB']) {
    const { page, problems } = await world.openPage({ locale })
    await world.signIn(page, 'board')
    await page.waitForFunction((all) => document.querySelectorAll('main [role=progressbar]').length === all, ids.length)
    for (const [width, height] of SCREENS) {
      await page.setViewportSize({ width, height })
      const clipped = await page.getByRole('listitem').evaluateAll((tiles) =>
        tiles.flatMap((tile) => {
          const { bottom, right } = tile.getBoundingClientRect()
          return [...tile.querySelectorAll('h2, p, [role=progressbar]')]
            .filter((part) => part.getBoundingClientRect().bottom > bottom || part.getBoundingClientRect().right > right)
            .map((part) => part.textContent)
        }),
      )
      assert.deepEqual(clipped, [], `${locale}, ${width} by ${height}`)
      if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/board-${locale}-${width}.png` })
    }
    assert.deepEqual(problems, [])
    await page.context().close()
  }
})

test('an old browser shows that it is too old', async () => {
  const lacks = {
    toSorted: () => delete Array.prototype.toSorted,
    findLast: () => delete Array.prototype.findLast,
    'color-mix': () => {
      CSS.supports = (name, value) => !String(value).includes('color-mix')
    },
    'CSS.supports': () => {
      CSS.supports = undefined
    },
  }
  for (const [name, removeIt] of Object.entries(lacks)) {
    const { page } = await world.openPage()
    await page.addInitScript(removeIt)
    await page.goto(world.url)
    await page.getByRole('alert').getByText('This browser is too old for this page.').waitFor()
    assert.equal(await page.locator('#app').count(), 0, name)
    assert.deepEqual(await barriers(page), [], name)
    await page.context().close()
  }
})

test('a browser of today is not', async () => {
  const { page, problems } = await world.openPage()
  await page.goto(world.url)
  await page.getByLabel('API key').waitFor()
  assert.equal(await page.getByText('This browser is too old').isVisible(), false)
  assert.deepEqual(problems, [])
})
