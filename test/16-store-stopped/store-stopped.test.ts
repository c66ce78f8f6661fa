/**
 * The store fails under a running gateway. SQLite has no server that could be stopped: what happens in the field is a file that
 * another process holds, a file that was moved or replaced, and a file that was damaged. Neither may look like a wrong password, and open sessions must not notice.
 */
import { closeSync, mkdirSync, openSync, readdirSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps } from '../fixtures/clients/raw-imap.ts'
import { inTime, waitFor } from '../fixtures/deadline.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
let stage: Stage
let account: ImapAccount

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  await stage.gateway.serve()
  account = await stage.addAccount(user, 'Phone')
})

afterAll(async () => await stage?.close())

const databasePath = () => join(stage.gateway.dir, 'mailwicket.db')
const lastConnection = async () => (await stage.gateway.listDevices())[0]?.lastConnection

async function tryLogin(): Promise<string> {
  const imap = await openImaps(account)
  const answer = await imap.command(`LOGIN ${user} ${account.password}`)
  imap.destroy()
  return answer
}

test('another process holds the write lock: logins do not wait, records are written when it is gone', async () => {
  const session = await logIn(account)
  await session.ok('SELECT INBOX')
  await waitFor('the first record', 5000, async () => (await lastConnection()) !== null)
  const before = (await lastConnection())?.at
  const lock = new DatabaseSync(databasePath())
  lock.exec('BEGIN IMMEDIATE')
  // An administrator is not kept waiting for ever, and told that it may work later.
  const rename = stage.gateway.run(['device', 'rename', `${user}/Phone`, 'Telephone'])
  const sentAt = Date.now()
  for (let index = 0; index < 20; index++) {
    const start = performance.now()
    ;(await logIn(account)).destroy()
    expect(performance.now() - start).toBeLessThan(inTime(2000))
    await session.ok('NOOP')
  }
  expect((await lastConnection())?.at).toBe(before)
  expect((await rename).code).toBe(4)
  lock.exec('ROLLBACK')
  lock.close()
  await waitFor('the later record', 10_000, async () => Date.parse((await lastConnection())?.at ?? '') >= sentAt, 200)
  session.destroy()
})

test('a file that was moved away is [UNAVAILABLE]: what it says can no longer be changed; put back, all is well', async () => {
  const session = await logIn(account)
  const [here, away] = [stage.gateway.dir, join(stage.gateway.dir, 'away')]
  const move = (from: string, to: string) => {
    for (const name of readdirSync(from)) if (name.startsWith('mailwicket.db')) renameSync(join(from, name), join(to, name))
  }
  mkdirSync(away)
  move(here, away)
  await waitFor('[UNAVAILABLE]', 5000, async () => (await tryLogin()).startsWith('t1 NO [UNAVAILABLE]'))
  await session.ok('NOOP')
  move(away, here)
  await waitFor('OK', 10_000, async () => (await tryLogin()).includes('t1 OK'))
  await session.ok('NOOP')
  session.destroy()
})

test('a damaged file is [UNAVAILABLE], never a wrong password, and sessions go on', async () => {
  const session = await logIn(account)
  await session.ok('SELECT INBOX')
  // What lies in the write-ahead log would be read from there for as long as it takes, and is not damaged.
  await waitFor('an empty write-ahead log', 5000, () => {
    const database = new DatabaseSync(databasePath())
    const { busy } = database.prepare('pragma wal_checkpoint(truncate)').get() as { busy: number }
    database.close()
    return busy === 0
  })
  // In place: the gateway has the file open.
  const file = openSync(databasePath(), 'r+')
  writeSync(file, Buffer.alloc(statSync(databasePath()).size, 0xa5), 0, undefined, 0)
  closeSync(file)
  const reply = await waitFor('a refused login', 15_000, async () => {
    const answer = await tryLogin()
    return !answer.includes('t1 OK') && answer
  })
  expect(reply).toMatch(/^t1 NO \[UNAVAILABLE\]/)
  const wrong = await openImaps(account)
  expect(await wrong.command(`LOGIN ${user} "a wrong password here"`)).toMatch(/^t1 NO \[UNAVAILABLE\]/)
  wrong.destroy()
  await session.ok('NOOP')
  await session.ok('FETCH 1:* FLAGS').catch(() => {})
  expect(stage.gateway.isAlive()).toBe(true)
  await waitFor('the log says it', 5000, () => stage.gateway.log.some(line => line.event === 'store.failed' && line.level === 'error'))
  session.destroy()
})
