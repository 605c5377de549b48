// Every page in both languages at four sizes: it stays still while it loads, nothing is wider than the screen, and what opens is on it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addMachines, LANGUAGES, openWorld, settled, SIZES } from './world.mjs'

/** Good pages shift by less than 0.1 in the end; these by less than this. */
const MOST_SHIFT = 0.02
/** Longer than the pause between two rounds of refetching, in ms. */
const ROUND = 2_000
/** A status may stand so many pixels above or below the rest of its row. */
const MOST_OFFSET = 1

let world
let paths

before(async () => {
  world = await openWorld({
    printers: 3, simulator: ['--seed', '7', '--history', '60', '--files', '30', '--printing', '1'], settings: { PRINTLOG_DETAILS__RATE: '6000' },
  })
  await addMachines(world)
  while ((await world.api('system')).details.pending > 0) await new Promise((resolve) => setTimeout(resolve, 500))
  const [failed] = (await world.api('jobs?status=error&limit=1')).items
  const [gone] = (await world.api('jobs?status=completed&limit=1')).items
  await world.api(`jobs/${gone.id}`, { method: 'DELETE' })
  paths = ['', 'jobs?from=2020-01-01&to=2026-12-31&status=completed&status=error', `jobs/${failed.id}`, 'jobs/deleted', 'analytics', 'printers', 'settings', 'board']
})
after(() => world?.close())

/** Adds up how far parts of the page jump that the user has not caused to. */
function watchShifts() {
  globalThis.shifts = []
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
      if (!hadRecentInput) globalThis.shifts.push({ value, of: sources.map(({ node }) => node?.parentElement?.outerHTML.slice(0, 120)) })
    }
  }).observe({ type: 'layout-shift', buffered: true })
}

for (const language of LANGUAGES) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    test(`pages stay still and fit: ${language}, ${size}`, async () => {
      const { page } = await world.openPage({ viewport, locale: language })
      await page.addInitScript(watchShifts)
      await world.signIn(page)
      for (const path of paths) {
        await page.goto(world.url + path)
        await settled(page)
        // A round of refetching follows the first event of the stream.
        await page.waitForTimeout(ROUND)
        const shifts = await page.evaluate(() => globalThis.shifts)
        const sum = shifts.reduce((all, { value }) => all + value, 0)
        assert.ok(sum < MOST_SHIFT, `/${path} shifts by ${sum}: ${JSON.stringify(shifts)}`)
        const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
        assert.ok(content <= screen, `/${path} is ${content} wide on ${screen}`)
      }
      await page.context().close()
    })
  }

  test(`what opens is on the screen of a laptop: ${language}`, async () => {
    const { page } = await world.openPage({ viewport: SIZES.laptop, locale: language })
    await world.signIn(page)
    await page.goto(`${world.url}jobs?from=2020-01-01&to=2026-12-31&status=completed&status=error`)
    await settled(page)
    const table = page.locator('main table')
    const [columns, room] = await table.evaluate(({ scrollWidth, parentElement }) => [scrollWidth, parentElement.clientWidth])
    assert.ok(columns <= room, `the columns need ${columns} of ${room}`)
    const buttons = page.locator('main button[aria-haspopup=dialog]')
    for (let index = 0; index < (await buttons.count()); index += 1) {
      await buttons.nth(index).click()
      const popover = page.getByRole('dialog')
      await popover.waitFor()
      const { x, y, width, height } = await popover.boundingBox()
      assert.ok(x >= 0 && y >= 0 && x + width <= SIZES.laptop.width && y + height <= SIZES.laptop.height, `${index}: ${[x, y, width, height]}`)
      await page.keyboard.press('Escape')
      await popover.waitFor({ state: 'detached' })
    }
    await page.context().close()
  })
}

test('a status stands in line with the rest of its row', async () => {
  const { page } = await world.openPage({ viewport: SIZES.desktop })
  await world.signIn(page, 'jobs?status=completed')
  await settled(page)
  const offsets = await page.evaluate(() => {
    const middle = (cell) => {
      const range = document.createRange()
      const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT)
      let text = texts.nextNode()
      while (text && text.data.trim() === '') text = texts.nextNode()
      range.selectNodeContents(text)
      const { top, bottom } = range.getBoundingClientRect()
      return (top + bottom) / 2
    }
    return [...document.querySelectorAll('tbody tr')].slice(0, 10).map(({ cells }) => middle(cells[4]) - middle(cells[5]))
  })
  assert.ok(offsets.length > 0 && offsets.every((offset) => Math.abs(offset) <= MOST_OFFSET), offsets.join())
  await page.context().close()
})

test('on a phone the row of filters fades where it goes on', async () => {
  const { page } = await world.openPage({ viewport: SIZES.phone })
  await world.signIn(page, 'jobs')
  await settled(page)
  const row = page.getByRole('search').locator('> div').last()
  const edges = () => row.evaluate((element) => ['left', 'right'].map((side) => getComputedStyle(element).getPropertyValue(`--fade-${side}`)))
  const isFading = async (left, right) => {
    await page.waitForFunction(
      ([element, ...wanted]) => ['left', 'right'].every((side, index) => (getComputedStyle(element).getPropertyValue(`--fade-${side}`) !== '0px') === wanted[index]),
      [await row.elementHandle(), left, right],
    ).catch(async () => assert.fail(`fades ${await edges()}`))
  }
  await isFading(false, true)
  await row.evaluate((element) => element.scrollTo({ left: element.scrollWidth }))
  await isFading(true, false)
  await page.context().close()
})
