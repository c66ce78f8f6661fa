/** 500 sessions at once: all work, all are listed, and nothing stays behind when they are gone. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { Stage } from '../fixtures/program/stage.ts'

const users = Array.from({ length: 5 }, (_, index) => `user${index}@example.com`)
const sessions = 500
let stage: Stage
let accounts: ImapAccount[]

beforeAll(async () => {
  stage = await Stage.open({ users })
  await stage.gateway.serve()
  accounts = []
  for (const user of users) accounts.push(await stage.addAccount(user, 'Phone'))
})

afterAll(async () => await stage?.close())

const accountAt = (index: number) => {
  const account = accounts[index % accounts.length]
  if (account === undefined) throw new Error('no account')
  return account
}

test('500 sessions at once', async () => {
  // One login of each device first, so that the count below holds no file that is opened once.
  for (const account of accounts) (await logIn(account)).destroy()
  await waitFor('no session', 10_000, async () => (await stage.gateway.listSessions()).length === 0, 200)
  const before = stage.gateway.openFileCount()

  const open: RawImap[] = await Promise.all(Array.from({ length: sessions }, (_, index) => logIn(accountAt(index))))
  const replies = await Promise.all(open.map(imap => imap.ok('SELECT INBOX', 60_000)))
  expect(replies.every(reply => reply.includes('UIDVALIDITY'))).toBe(true)
  await waitFor('500 sessions in the list', 10_000, async () => (await stage.gateway.listSessions()).length === sessions, 200)
  const rows = await stage.gateway.listDevices()
  expect(rows.map(row => row.sessions)).toEqual(users.map(() => sessions / users.length))
  expect(stage.gateway.openFileCount() - before).toBe(2 * sessions)

  await Promise.all(open.map(imap => imap.ok('NOOP', 60_000)))
  // Half say goodbye, half are cut off.
  await Promise.all(open.filter((_, index) => index % 2 === 0).map(imap => imap.ok('LOGOUT', 60_000)))
  for (const imap of open) imap.destroy()
  await waitFor('no session in the list', 10_000, async () => (await stage.gateway.listSessions()).length === 0, 200)
  await waitFor('no open file more than before', 10_000, () => stage.gateway.openFileCount() <= before)
  expect(stage.gateway.log.filter(line => line.event === 'session.end')).toHaveLength(sessions + accounts.length)
})
