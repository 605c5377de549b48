// Everyday tasks, each of which must take few clicks.
import assert from 'node:assert/strict'
import { test } from 'node:test'

/** No task takes more clicks than this. */
const BUDGET = 6

let clicks = 0

/** Counts an action as a click. */
export async function counted(action) {
  clicks += 1
  await action
}
export const click = (locator, options) => counted(locator.click(options))
export const choose = (locator, option) => counted(locator.selectOption(option))

/** A test that fails if its task takes too many clicks. */
export function task(name, run) {
  test(name, async () => {
    clicks = 0
    await run()
    assert.ok(clicks <= BUDGET, `${clicks} clicks`)
  })
}
