// Looks for what keeps people out, with axe.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What is serious or critical on the page, one line each. */
export async function barriers(page) {
  await page.evaluate(source)
  // Half-way between two colours nothing has contrast. What pulses for ever is not waited for.
  await page.evaluate(() => {
    const ends = (animation) => animation.effect.getComputedTiming().iterations !== Infinity
    const running = document.getAnimations().filter(ends)
    return Promise.allSettled(running.map(({ finished }) => finished)).then(() => undefined)
  })
  const { violations } = await page.evaluate(() => globalThis.axe.run())
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
}
