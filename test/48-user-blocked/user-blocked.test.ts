/** A user is blocked: the sessions of his devices end within a second, reading and sending, and new logins are refused; nobody else notices. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { logIn, openImaps, quote, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, openSmtp, plainOf, type RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { waitFor, within } from '../fixtures/deadline.ts'
import { type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'

const mailbox = 'reader@example.com'
/** A second after the command ended; a quarter for a busy machine. */
const endMs = 1250
let stage: SubmissionStage
let annas: SubmissionDevice
let others: SubmissionDevice
let reading: RawImap
let sending: RawSmtp

beforeAll(async () => {
  stage = await SubmissionStage.open({ users: [mailbox] })
  await cli('user', 'add', 'anna')
  await cli('user', 'add', 'berta')
  annas = await stage.gateway.addDevice(mailbox, 'Anna’s', ['--user', 'anna'])
  others = await stage.gateway.addDevice(mailbox, 'Berta’s', ['--user', 'berta'])
  reading = await logIn(others.imap)
  sending = await logInSmtp(others.smtp)
})

afterAll(async () => {
  reading?.destroy()
  sending?.destroy()
  await stage?.close()
})

const cli = async <T = unknown>(...args: string[]) => await stage.gateway.mailwicket.json<T>(args)

test('sessions end, others go on', async () => {
  const imap = await logIn(annas.imap)
  await imap.ok('SELECT INBOX')
  const smtp = await logInSmtp(annas.smtp)
  await smtp.expect('250', `MAIL FROM:<${mailbox}>`)
  expect(await cli('user', 'block', 'anna')).toMatchObject({ login: 'anna', state: 'blocked', devices: 1 })
  await within('the end of both', endMs, Promise.all([imap.readToEnd(), smtp.wire.readToEnd().then(text => expect(text).toMatch(/^421 /))]))
  await reading.ok('NOOP')
  expect(await sending.command('NOOP')).toMatch(/^250/)
  expect(stage.gateway.logOf('sessions.ended').map(({ device, why }) => [device, why])).toEqual([
    [annas.device.id, 'user-blocked'],
    [annas.device.id, 'user-blocked'],
  ])
})

test('the right password is refused, and the app is told that it is right', async () => {
  const imap = await openImaps(annas.imap)
  expect(await imap.command(`LOGIN ${quote(mailbox)} ${quote(annas.device.password)}`)).toContain('NO [AUTHORIZATIONFAILED]')
  expect(await imap.command(`LOGIN ${quote(mailbox)} ${quote('a wrong one, of no device')}`)).toContain('NO [AUTHENTICATIONFAILED]')
  imap.destroy()
  const smtp = await openSmtp(annas.smtp)
  expect(await smtp.command(plainOf(annas.smtp))).toMatch(/^535 5\.7\.8 /)
  smtp.wire.destroy()
  const rows = await waitFor('the refusals in the activity', 5000, async () => {
    const rows = await cli<{ result: string; device: string }[]>('activity', '--device', annas.device.id)
    return rows.filter(({ result }) => result === 'user-blocked').length === 2 ? rows : undefined
  })
  expect(rows.map(({ device }) => device)).toContain(annas.device.id)
})

test('unblocked, everything is as before', async () => {
  await cli('user', 'unblock', 'anna')
  const imap = await logIn(annas.imap)
  await imap.ok('SELECT INBOX')
  imap.destroy()
  ;(await logInSmtp(annas.smtp)).destroy()
  expect(await cli('audit', '--action', 'user')).toMatchObject([
    { action: 'user.added' },
    { action: 'user.added' },
    { action: 'user.blocked', subject: 'anna', before: { state: 'active' }, after: { state: 'blocked' } },
    { action: 'user.unblocked' },
  ])
})
