/**
 * The machine's clock jumps under a running gateway, forward and back (libfaketime; the monotonic clock goes on, as it does in the field): what is
 * due by the new time ends, and nothing else; revocation, kicks and records work on at once.
 */
import { globSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOk } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor, within } from '../fixtures/deadline.ts'
import { type DeviceRow, launcher, type SessionRow } from '../fixtures/program/mailwicket.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
const [hour, day] = [3_600, 86_400]
let stage: Stage
let clockFile: string
let phone: ImapAccount
let guest: ImapAccount
let phoneSession: RawImap
let guestSession: RawImap
let offset = 0

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  clockFile = join(stage.gateway.dir, 'clock')
  setClock(0)
  await stage.gateway.serve(wrapper())
  phone = await stage.addAccount(user, 'Phone')
  guest = await stage.addAccount(user, 'Guest', ['--expires', '7d'])
  phoneSession = await logIn(phone)
  guestSession = await logIn(guest)
})

afterAll(async () => {
  phoneSession?.destroy()
  guestSession?.destroy()
  await stage?.close()
})

function wrapper(): readonly string[] {
  const [library] = globSync('/usr/lib/*/faketime/libfaketime.so.1')
  if (library === undefined) throw new Error('libfaketime is missing: the packages of test/debian-packages.txt must be installed')
  return ['env', `LD_PRELOAD=${library}`, `FAKETIME_TIMESTAMP_FILE=${clockFile}`, 'FAKETIME_NO_CACHE=1', 'FAKETIME_DONT_FAKE_MONOTONIC=1']
}

/** The clock of the gateway and of the commands, in seconds from the real one. */
function setClock(seconds: number): void {
  offset = seconds
  writeFileSync(clockFile, `${seconds < 0 ? '' : '+'}${seconds}\n`)
}

/** A command on the same machine, that is: by the same clock. */
async function run<T>(args: readonly string[]): Promise<T> {
  const [command = '', ...rest] = [...wrapper(), launcher, '--config', stage.gateway.configPath, ...args, '--json']
  return JSON.parse((await runOk(command, rest)).stdout) as T
}

const rowOf = async (name: string) => (await run<DeviceRow[]>(['device', 'list'])).find(row => row.name === name)
const secondsToNow = (at: string | undefined) => Math.abs(Date.parse(at ?? '') / 1000 - offset - Date.now() / 1000)

/** New logins get in, are recorded at the time it is now, and all sessions are listed. */
async function expectRecordedNow(sessions: number): Promise<void> {
  const again = await logIn(phone)
  await waitFor('the last connection, by the clock', 10_000, async () => secondsToNow((await rowOf('Phone'))?.lastConnection?.at) < 60, 100)
  await waitFor('every session listed', 10_000, async () => (await run<SessionRow[]>(['session', 'list'])).length === sessions + 1, 100)
  await again.ok('LOGOUT')
  again.destroy()
}

test('an hour forward', async () => {
  setClock(hour)
  await expectRecordedNow(2)
  for (const imap of [phoneSession, guestSession]) await imap.ok('SELECT INBOX')
})

test('two hours back', async () => {
  setClock(-hour)
  await expectRecordedNow(2)
  for (const imap of [phoneSession, guestSession]) await imap.ok('NOOP')
})

test('a kick reaches sessions that began "later" than it, and them alone', async () => {
  await run(['session', 'kick', '--device', `${user}/Phone`])
  await within('the end of the session', 3000, phoneSession.readToEnd())
  await guestSession.ok('NOOP')
  phoneSession.destroy()
  phoneSession = await logIn(phone)
  // Something else moves the generation: the new session is not taken for the kicked one.
  await run(['device', 'rename', `${user}/Guest`, 'Visitor'])
  const other = await stage.addAccount(user, 'Other')
  const otherSession = await logIn(other)
  await run(['device', 'revoke', `${user}/Other`, '--yes'])
  await within('the end of the session', 3000, otherSession.readToEnd())
  otherSession.destroy()
  for (const imap of [phoneSession, guestSession]) await imap.ok('NOOP')
})

test('nine days forward: what expires at seven is over, and nothing else', async () => {
  setClock(9 * day)
  await within('the end of the session', 3000, guestSession.readToEnd())
  guestSession.destroy()
  const imap = await openImaps(guest)
  expect(await imap.command(`LOGIN ${user} ${guest.password}`)).toMatch(/^t1 NO \[EXPIRED\]/)
  imap.destroy()
  await phoneSession.ok('NOOP')
  await expectRecordedNow(1)
})

test('and back: what is not yet expired gets in again', async () => {
  setClock(0)
  guestSession = await logIn(guest)
  await phoneSession.ok('NOOP')
  // Recorded nine days ahead a moment ago: that is not held against today.
  await expectRecordedNow(2)
  expect(stage.gateway.isAlive()).toBe(true)
})

test('the gateway is restarted by a clock that is behind its own records', async () => {
  setClock(9 * day)
  ;(await logIn(phone)).destroy()
  await stage.gateway.kill()
  setClock(0)
  await stage.gateway.serve(wrapper())
  phone = { ...phone, ...stage.gateway.account(user, phone.password) }
  phoneSession = await logIn(phone)
  await waitFor('only what lives is listed', 15_000, async () => (await run<SessionRow[]>(['session', 'list'])).length === 1, 100)
})
