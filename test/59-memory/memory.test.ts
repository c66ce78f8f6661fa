/**
 * Thousands of apps come and go, in all the ways they do: nothing of them stays. Counted, not weighed: how much memory a runtime holds on to is its
 * own affair (`node bench/soak.ts` weighs 200,000), what is reachable is ours.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, quote } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, openSmtp, plainOf } from '../fixtures/clients/raw-smtp.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { ScriptedSmtp } from '../fixtures/misbehaving/scripted-smtp.ts'
import { Inspector } from '../fixtures/program/inspector.ts'
import { type SubmissionDevice, SubmissionGateway } from '../fixtures/program/submission-stage.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

const users = ['anna@example.com', 'ben@example.com', 'cleo@example.com']
/** Of these there is one, or there are some, for each connection. */
const perConnection = [
  'Connection',
  'Wire',
  'LiveSession',
  'ImapSession',
  'SmtpSession',
  'SmtpRelay',
  'Splice',
  'Transfer',
  'BoundLog',
  'TLSSocket',
  'SMTPConnection',
]
let dovecot: Dovecot
let smtpServer: ScriptedSmtp
let gateway: SubmissionGateway
let inspector: Inspector
let devices: SubmissionDevice[]

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: Object.fromEntries(users.map((user, index) => [user, `upstream-secret-${index}`])) })
  smtpServer = await ScriptedSmtp.open()
  gateway = await SubmissionGateway.open([smtpServer.asUpstream({ imap: { address: `localhost:${dovecot.ports.plain}`, tls: 'none' } })])
  const { mailwicket } = gateway
  await mailwicket.serve()
  devices = []
  for (const user of users) {
    await mailwicket.addMailbox(user, dovecot.passwordOf(user), ['--no-verify'])
    devices.push(await gateway.addDevice(user, 'Phone'))
  }
  inspector = await Inspector.open(mailwicket)
})

afterAll(async () => {
  inspector?.close()
  await gateway?.mailwicket.close()
  await smtpServer?.close()
  await dovecot?.stop()
})

const sessions = new Map<ImapAccount, Buffer>()

/** One app: by its number it reads or sends, resumes or not, is right or wrong, says goodbye or is cut off. */
async function comeAndGo(number: number): Promise<void> {
  const device = devices[number % devices.length]
  if (device === undefined) throw new Error('no device')
  if (number % 4 === 3) {
    const smtp = await openSmtp(device.smtp, number % 8 === 3 ? 'implicit' : 'starttls')
    if (number % 16 > 4) await smtp.expect('235', plainOf(device.smtp))
    if (number % 32 === 15) expect(await smtp.send(device.smtp.user, ['x@example.org'], 'Subject: hello\r\n\r\nhello\r\n')).toMatch(/^250/)
    if (number % 3 === 0) await smtp.expect('221', 'QUIT')
    return smtp.destroy()
  }
  const imap = await openImaps(device.imap, number % 5 === 0 ? undefined : sessions.get(device.imap))
  if (imap.tlsSession !== undefined) sessions.set(device.imap, imap.tlsSession)
  if (number % 25 === 0) {
    expect(await imap.command(`LOGIN ${quote(device.imap.user)} "the same wrong secret again"`)).toContain('NO [AUTHENTICATIONFAILED]')
  } else if (number % 10 !== 1) {
    await imap.ok(`LOGIN ${quote(device.imap.user)} ${quote(device.imap.password)}`, 30_000)
    if (number % 6 === 0) await imap.ok('SELECT INBOX', 30_000)
    if (number % 2 === 0) await imap.ok('LOGOUT', 30_000)
  }
  imap.destroy()
}

async function run(from: number, to: number): Promise<void> {
  let next = from
  const worker = async () => {
    while (next < to) await comeAndGo(next++)
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  await waitFor('no session', 30_000, async () => (await gateway.mailwicket.listSessions()).length === 0, 200)
}

test('while apps are there they are seen', async () => {
  const [device] = devices
  if (device === undefined) throw new Error('no device')
  const open = [await openImaps(device.imap), await logIn(device.imap), (await openSmtp(device.smtp)).wire, (await logInSmtp(device.smtp)).wire]
  const counts = await inspector.countInstances(perConnection)
  // A class that was renamed would be counted as gone for ever.
  for (const name of perConnection) expect(counts[name], name).toBeGreaterThan(0)
  for (const one of open) one.destroy()
})

test('after 2,000 nothing of them is left, and no more is reachable than after the first 500', async () => {
  await run(0, 500)
  const [files, used] = [gateway.mailwicket.openFileCount(), await inspector.readUsedBytes()]
  await run(500, 2000)
  await inspector.waitForInstances(Object.fromEntries(perConnection.map(name => [name, 0])))
  const usedAfter = await inspector.readUsedBytes()
  console.info(`${(used / 2 ** 20).toFixed(1)} MiB reachable, then ${(usedAfter / 2 ** 20).toFixed(1)}`)
  expect(gateway.mailwicket.openFileCount()).toBe(files)
  expect(usedAfter).toBeLessThan(used * 1.05)
})
