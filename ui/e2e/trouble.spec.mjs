// A server that is not well: every page says what is wrong while it lasts, and nothing is lost.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { barriers } from './axe.mjs'
import { addMachines, ask, openWorld } from './world.mjs'

let world
let page
let problems
let printer
const notice = (part) => page.getByText(`${part}:`)
const part = (name) => page.getByRole('listitem').filter({ has: page.getByText(name, { exact: true }) })

before(async () => {
  world = await openWorld({ printers: 1, simulator: ['--seed', '6', '--history', '5', '--files', '5', '--printing', '1'] })
  ;[printer] = await addMachines(world)
  ;({ page, problems } = await world.openPage())
  await world.signIn(page)
  await page.getByRole('article', { name: printer.name, exact: true }).getByText('Printing').waitFor()
})
after(() => world?.close())

test('a failed backup is reported on every page, until one succeeds', async () => {
  // A file where the folder is to be, and a schedule that begins now.
  const folder = join(world.folder, 'backups')
  await writeFile(folder, '')
  await writeFile(join(world.folder, 'config.yml'), 'backup:\n  schedule: hourly\n  folder: backups\n')
  world.signalServer('SIGHUP')
  await notice('Backups and clean-up').waitFor()
  for (const name of ['Jobs', 'Analytics', 'Printers']) {
    await page.getByRole('link', { name, exact: true }).first().click()
    await page.getByRole('heading', { name, level: 1 }).waitFor()
    await notice('Backups and clean-up').waitFor()
  }
  assert.deepEqual(await barriers(page), [])
  await page.getByRole('link', { name: 'Details' }).click()
  await part('Backups and clean-up').getByText('backups').waitFor()
  await part('Database').getByText('OK').waitFor()
  await rm(folder)
  world.signalServer('SIGHUP')
  await notice('Backups and clean-up').waitFor({ state: 'detached' })
  await part('Backups and clean-up').getByText('OK').waitFor()
})

test('a locked database is reported, and prints of that time are recorded', async () => {
  const script = 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute("BEGIN IMMEDIATE"); '
    + 'print("locked", flush=True); sys.stdin.read()'
  const locker = spawn('python3', ['-c', script, join(world.folder, 'data', 'printlog.db')], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(locker.stdout, 'data')
  await ask(world.machines[0], 'printer.print.cancel')
  await notice('Recording').waitFor({ timeout: 120_000 })
  await page.getByRole('link', { name: 'Dashboard', exact: true }).first().click()
  await notice('Recording').waitFor()
  const { items: [open] } = await world.api('jobs?limit=1')
  assert.equal(open.status, 'printing', 'what cannot be written is not claimed')

  locker.stdin.end()
  await once(locker, 'exit')
  await notice('Recording').waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'Jobs', exact: true }).first().click()
  await page.getByText('Cancelled').first().waitFor()
  const { items: [ended] } = await world.api('jobs?limit=1')
  assert.deepEqual([ended.id, ended.status], [open.id, 'cancelled'])
})

test('the console complains of nothing but that', () => {
  // The browser itself notes that /health answers 503.
  assert.deepEqual(problems.filter((text) => !text.includes('503')), [])
})
