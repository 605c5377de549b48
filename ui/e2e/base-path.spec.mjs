// printlog under a path of its own, and sessions: signed in also after a reload, signed out for good.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openWorld } from './world.mjs'

/** What the first page may load, JavaScript and CSS, as they come over the wire. */
const BUDGET = 200_000

let world
let page
let problems
let foreign

before(async () => {
  world = await openWorld({ settings: { PRINTLOG_API__BASE_PATH: '/printlog' } })
  ;({ page, problems, foreign } = await world.openPage())
})
after(() => world?.close())

test('pages, data and the stream are found under the path', async () => {
  const sizes = []
  page.on('requestfinished', async (request) => {
    if (['script', 'stylesheet'].includes(request.resourceType())) sizes.push((await request.sizes()).responseBodySize)
  })
  await world.signIn(page)
  await page.getByRole('heading', { name: 'Welcome to printlog' }).waitFor()
  await page.getByText('Live', { exact: true }).first().waitFor()
  const sum = sizes.reduce((total, size) => total + size, 0)
  assert.ok(sum > 10_000 && sum < BUDGET, `the first page loaded ${sum} bytes`)
  await page.getByRole('link', { name: 'Jobs', exact: true }).first().click()
  await page.getByRole('heading', { name: 'No jobs yet' }).waitFor()
  assert.equal(new URL(page.url()).pathname, '/printlog/jobs')
})

test('the session is a cookie that no script reads, and outlives a reload', async () => {
  const [cookie] = await page.context().cookies()
  assert.ok(cookie.httpOnly)
  assert.equal(cookie.sameSite, 'Strict')
  assert.equal(await page.evaluate((key) => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]).includes(key), world.key), false)
  await page.reload()
  await page.getByRole('heading', { name: 'No jobs yet' }).waitFor()
})

test('the documentation of the API is a link away', async () => {
  await page.getByRole('link', { name: 'Settings' }).first().click()
  const link = await page.getByRole('link', { name: 'API documentation' }).getAttribute('href')
  assert.equal((await fetch(link)).status, 200)
})

test('after signing out, pages ask for a key', async () => {
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.goto(`${world.url}jobs`)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
})

test('nothing was asked of anybody else, and the console is silent', () => {
  assert.deepEqual(foreign, [])
  assert.deepEqual(problems, [])
})
