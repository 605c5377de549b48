// Pictures of each page, light, dark and on a phone: `npm run screenshots -- FOLDER`.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { addMachines, openWorld } from './world.mjs'

const [folder] = process.argv.slice(2)
if (!folder) throw new Error('say in which folder: npm run screenshots -- FOLDER')
await mkdir(folder, { recursive: true })

const world = await openWorld({
  printers: 5,
  simulator: ['--seed', '7', '--history', '300', '--files', '40', '--schedule', 'demo', '--print-seconds', '240', '1200'],
  settings: { PRINTLOG_DETAILS__RATE: '6000' },
})
try {
  await addMachines(world)
  await world.api('printers', { method: 'POST', body: JSON.stringify({ name: 'Ender in the shed', moonraker_url: '127.0.0.1:1' }) })
  // What the slicers knew is read in the background; meanwhile the prints get on.
  const isUnderWay = async () => {
    const statuses = await Promise.all((await world.api('printers')).items.map(({ id }) => world.api(`printers/${id}/status`)))
    return statuses.some(({ job }) => job?.progress > 0.3)
  }
  while ((await world.api('system')).details.pending > 0 || !(await isUnderWay())) await new Promise((resolve) => setTimeout(resolve, 1_000))
  const [failed] = (await world.api('jobs?status=error&limit=1')).items
  const pages = {
    dashboard: '', jobs: 'jobs', job: `jobs/${failed.id}`, printers: 'printers', 'add-printer': 'printers?add=1', settings: 'settings', board: 'board', analytics: 'analytics',
  }
  const looks = {
    light: { viewport: { width: 1360, height: 860 }, colorScheme: 'light' },
    dark: { viewport: { width: 1360, height: 860 }, colorScheme: 'dark' },
    phone: { viewport: { width: 360, height: 740 }, colorScheme: 'light', deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  }
  for (const [look, options] of Object.entries(looks)) {
    const { page } = await world.openPage(options)
    await page.goto(`${world.url}sign-in`)
    await page.getByLabel('API key').waitFor()
    await page.screenshot({ path: join(folder, `sign-in-${look}.png`) })
    await world.signIn(page)
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(world.url + path)
      await page.locator('text="Live" >> visible=true').first().waitFor()
      await page.waitForFunction(() => document.querySelector('main .animate-pulse') === null)
      // One round of status changes, so that every printer is in its place; then the visible images.
      await page.waitForTimeout(2_000)
      await page.waitForFunction(() => [...document.images].every((image) => image.complete || image.getBoundingClientRect().top > innerHeight))
      await page.screenshot({ path: join(folder, `${name}-${look}.png`) })
    }
    await page.context().close()
  }
} finally {
  await world.close()
}
