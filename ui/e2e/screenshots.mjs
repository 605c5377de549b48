// Pictures of each page in each language, at each size, light and dark: `npm run screenshots -- FOLDER [PART OF A NAME]`.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { addMachines, LANGUAGES, openWorld, settled, SIZES } from './world.mjs'

const [folder, part = ''] = process.argv.slice(2)
if (!folder) throw new Error('say in which folder: npm run screenshots -- FOLDER')
await mkdir(folder, { recursive: true })

const VERDICTS = ['good', 'good', 'partly_good', 'scrap']

const world = await openWorld({
  printers: 5,
  simulator: ['--seed', '7', '--history', '300', '--files', '40', '--schedule', 'demo', '--print-seconds', '240', '1200'],
  settings: { PRINTLOG_DETAILS__RATE: '6000' },
})
try {
  await addMachines(world)
  await world.api('printers', { method: 'POST', body: JSON.stringify({ name: 'Ender in the shed', moonraker_url: '127.0.0.1:1' }) })
  // The G-code files are read in the background; meanwhile prints make progress.
  const isUnderWay = async () => {
    const statuses = await Promise.all((await world.api('printers')).items.map(({ id }) => world.api(`printers/${id}/status`)))
    return statuses.some(({ job }) => job?.progress > 0.3)
  }
  while ((await world.api('system')).details.pending > 0 || !(await isUnderWay())) await new Promise((resolve) => setTimeout(resolve, 1_000))
  const completed = (await world.api('jobs?status=completed&limit=60')).items.filter((_, index) => index % 2 === 0)
  for (const [index, { id }] of completed.entries()) {
    const change = { verdict: VERDICTS[index % VERDICTS.length], tags: index % 3 === 0 ? ['gift'] : ['prototype', 'v2'] }
    await world.api(`jobs/${id}`, { method: 'PATCH', body: JSON.stringify(change) })
  }
  const [failed] = (await world.api('jobs?status=error&limit=1')).items
  const deleted = (await world.api('jobs?status=cancelled&limit=4')).items.map(({ id }) => id)
  await world.api('jobs/bulk', { method: 'POST', body: JSON.stringify({ action: 'delete', ids: deleted }) })
  const pages = {
    'sign-in': 'sign-in', dashboard: '', jobs: 'jobs', 'jobs-filtered': 'jobs?status=error&status=interrupted&from=2020-01-01&to=2030-01-01', 'jobs-none': 'jobs?q=none&material=PETG',
    job: `jobs/${failed.id}`, 'job-rated': `jobs/${completed[0].id}`, 'deleted-jobs': 'jobs/deleted', printers: 'printers', 'add-printer': 'printers?add=1', settings: 'settings', board: 'board', analytics: 'analytics',
  }
  for (const language of LANGUAGES) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      const touch = size === 'phone' ? { isMobile: true, hasTouch: true, deviceScaleFactor: 2 } : {}
      const { page } = await world.openPage({ viewport, locale: language, ...touch })
      let isSignedIn = false
      for (const [name, path] of Object.entries(pages)) {
        if (!name.includes(part)) continue
        if (!isSignedIn && name !== 'sign-in') await world.signIn(page)
        isSignedIn ||= name !== 'sign-in'
        await page.goto(world.url + path)
        if (isSignedIn) {
          await settled(page)
          // One round of status changes, so that every printer is in its place.
          await page.waitForTimeout(1_500)
        } else await page.locator('form input').waitFor()
        await page.waitForFunction(() => [...document.images].every((image) => image.complete || image.getBoundingClientRect().top > innerHeight))
        for (const colorScheme of ['light', 'dark']) {
          await page.emulateMedia({ colorScheme })
          // Charts are drawn again in the other colours.
          await page.waitForTimeout(300)
          await page.screenshot({ path: join(folder, `${name}-${language.slice(0, 2)}-${size}-${colorScheme}.png`) })
        }
      }
      await page.context().close()
    }
  }
} finally {
  await world.close()
}
