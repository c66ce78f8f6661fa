/** No file descriptor is left: sessions go on, who comes is sent away or told to try again, and by itself all is well when there are some again. */
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { runOk } from '../fixtures/child-process.ts'
import { logIn, openImaps, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, openSmtp, plainOf } from '../fixtures/clients/raw-smtp.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'

const user = 'reader@example.com'
const plenty = 10_000
let stage: SubmissionStage
let phone: SubmissionDevice
let session: RawImap

const gateway = () => stage.gateway.mailwicket

beforeAll(async () => {
  stage = await SubmissionStage.open({ users: [user] })
  phone = await stage.gateway.addDevice(user, 'Phone')
  // What is opened once is open by then.
  await setLimit(plenty)
  ;(await logInSmtp(phone.smtp)).destroy()
  session = await logIn(phone.imap)
  await session.ok('SELECT INBOX')
})

afterEach(async () => await setLimit(plenty))

afterAll(async () => {
  session?.destroy()
  await stage?.close()
})

/** How many files the running gateway may have open. */
async function setLimit(count: number): Promise<void> {
  await runOk('prlimit', ['--pid', String(gateway().process.pid), `--nofile=${count}:${plenty}`])
}

/** From now on it can open nothing: the limit is one on numbers, and the lowest free one is given next. */
async function takeAllAway(): Promise<void> {
  const open = new Set(readdirSync(`/proc/${gateway().process.pid}/fd`).map(Number))
  let lowestFree = 0
  while (open.has(lowestFree)) lowestFree += 1
  await setLimit(lowestFree)
}

async function expectService(): Promise<void> {
  await session.ok('NOOP')
  const imap = await logIn(phone.imap)
  await imap.ok('SELECT INBOX')
  imap.destroy()
  const smtp = await logInSmtp(phone.smtp)
  expect(await smtp.send(user, [user], 'Subject: hello\r\n\r\nhello\r\n', 30_000)).toMatch(/^250/)
  smtp.destroy()
}

test('none for the way to the real server: [UNAVAILABLE] and 454, not a wrong password', async () => {
  const imap = await openImaps(phone.imap)
  const smtp = await openSmtp(phone.smtp)
  await takeAllAway()
  expect(await imap.command(`LOGIN ${user} ${phone.device.password}`)).toMatch(/^t1 NO \[UNAVAILABLE\]/)
  expect(await smtp.command(plainOf(phone.smtp))).toMatch(/^454 4\.7\.0 /)
  await session.ok('NOOP')
  await setLimit(plenty)
  // The same connections, once more.
  expect(await imap.command(`LOGIN ${user} ${phone.device.password}`)).toMatch(/^t2 OK/)
  expect(await smtp.command(plainOf(phone.smtp))).toMatch(/^235/)
  imap.destroy()
  smtp.destroy()
})

test('none for those who connect: a session of before works on, revoking works, and all is well after the flood', async () => {
  const guest = await stage.gateway.addDevice(user, 'Guest')
  const guestSession = await logIn(guest.imap)
  await takeAllAway()
  const silent = await Promise.all(Array.from({ length: 300 }, () => openSilent(phone.imap.port)))
  for (let index = 0; index < 20; index++) await session.ok('NOOP')
  await expect(logIn(phone.imap)).rejects.toThrow()
  await gateway().json(['device', 'revoke', `${user}/Guest`, '--yes'])
  await guestSession.readToEnd(3000)
  guestSession.destroy()
  for (const socket of silent) socket.destroy()
  await setLimit(plenty)
  await waitFor(
    'a login',
    10_000,
    async () =>
      await logIn(phone.imap)
        .then(imap => imap.ok('LOGOUT').then(() => true))
        .catch(() => false),
  )
  await expectService()
  expect(gateway().log.filter(line => line.event === 'bug')).toEqual([])
})

async function openSilent(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}
