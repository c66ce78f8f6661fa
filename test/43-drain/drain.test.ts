/** SIGTERM while people work: idle apps go one after another, whoever is in the middle of something finishes it, and it ends with 0. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { logIn, openImaps, openRawImap, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, openSmtp, type RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'

const user = 'reader@example.com'
const idleCount = 50
let stage: SubmissionStage
let device: SubmissionDevice
let connections: (RawImap | RawSmtp)[] = []

beforeAll(async () => {
  // Longer than any part of this may take: nothing here ends because the time is over.
  stage = await SubmissionStage.open({ users: [user], top: 'drain_seconds = 600' })
  device = await stage.gateway.addDevice(user, 'Phone')
})

afterAll(async () => {
  for (const connection of connections) connection.destroy()
  if (stage?.gateway.mailwicket.isAlive()) await stage.gateway.mailwicket.kill()
  await stage?.close()
})

async function restart(): Promise<void> {
  for (const connection of connections) connection.destroy()
  connections = []
  await stage.gateway.serve()
}

const keep = <Connection extends RawImap | RawSmtp>(connection: Connection): Connection => {
  connections.push(connection)
  return connection
}
const imap = async () => keep(await logIn(account().imap))
const smtp = async () => keep(await logInSmtp(account().smtp))
/** After a restart the ports are others. */
const account = () => ({ imap: stage.gateway.mailwicket.account(user, device.device.password), smtp: stage.gateway.smtpAccount(user, device.device.password) })
const serve = () => stage.gateway.mailwicket.process
const stopping = () => waitFor('the line', 10_000, () => stage.gateway.logOf('stopping').at(-1))

test('50 idle sessions, an upload, an answer, a message: nothing is lost, and nobody goes in a crowd', async () => {
  const idle = await Promise.all(Array.from({ length: idleCount }, () => imap()))
  const left: number[] = []
  for (const [index, session] of idle.entries()) {
    // As apps wait: some in IDLE, some just there.
    if (index % 2 === 0) {
      await session.ok('SELECT INBOX')
      session.write('i IDLE\r\n')
      await session.readUntil('+ ')
    }
    session.socket.once('close', () => left.push(index))
    session.socket.once('end', () => session.end())
  }
  const upload = await imap()
  const lines = Array.from({ length: 2000 }, (_, index) => `line ${index} of an upload\r\n`)
  const message = `Subject: uploaded\r\n\r\n${lines.join('')}`
  upload.write(`u APPEND INBOX {${message.length}}\r\n`)
  await upload.readUntil('+ ')
  // It stops for a while right behind a line's end, as a phone in a tunnel does.
  await upload.writeAll(message.slice(0, message.indexOf('line 1000')))
  const sending = await smtp()
  for (const line of [`MAIL FROM:<${user}>`, `RCPT TO:<${user}>`]) await sending.expect('250', line)
  await sending.expect('354', 'DATA')
  await sending.wire.writeAll('Subject: sent\r\nMessage-ID: <sent-in-a-drain@example.com>\r\n\r\nfirst half\r\n')
  const pausing = await smtp()
  const begun = await smtp()
  await begun.expect('250', `MAIL FROM:<${user}>`)
  const anonymous = keep(await openImaps(account().imap))
  const plain = keep(await openRawImap({ host: '127.0.0.1', port: account().imap.starttlsPort, tls: 'none' }))
  await plain.readLine()
  const greeted = keep(await openSmtp(account().smtp, 'plain'))

  const finished = serve().finished
  serve().process.kill('SIGTERM')
  expect(await stopping()).toMatchObject({ drainSeconds: 600, sessions: idleCount + 7 })

  // At once: who has not logged in, who sends nothing, and whoever is new.
  for (const waiting of [anonymous, plain]) expect(await waiting.readToEnd()).toMatch(/^\* BYE /)
  for (const waiting of [greeted, pausing]) expect(await waiting.wire.readToEnd()).toMatch(/^421 4\.3\.2 /)
  await expect(openRawImap({ host: '127.0.0.1', port: account().imap.port, tls: 'none' })).rejects.toThrow('ECONNREFUSED')

  // One after another: when some have gone, most are still there.
  await waitFor('the first to go', 20_000, () => left.length >= 3)
  expect(left.length).toBeLessThan(idleCount / 2)
  // They are told, on a line of its own.
  await Promise.all(idle.map(async session => expect(await session.readToEnd(60_000)).toMatch(/^(?:idling\r\n)?\* BYE [^\r\n]*\r\n$/)))

  // The others are still at work, and come to their end.
  await upload.writeAll(`${message.slice(message.indexOf('line 1000'))}\r\n`)
  expect(await upload.readReply('u')).toMatch(/^u OK /m)
  await upload.readToEnd(20_000)
  sending.wire.write('second half\r\n.\r\n')
  expect(await sending.readReply()).toMatch(/^250 2\.0\.0 /)
  expect(await sending.readReply()).toMatch(/^421 4\.3\.2 /)
  await begun.expect('250', `RCPT TO:<${user}>`)
  expect(await begun.command('RSET')).toMatch(/^250/)
  expect(await begun.readReply()).toMatch(/^421 4\.3\.2 /)

  expect((await finished).code).toBe(0)
  expect(stage.gateway.logOf('stopped')).toMatchObject([{ cut: 0 }])
  const ends = stage.gateway.logOf('session.end')
  expect(ends.filter(({ why }) => why === 'shutdown')).toHaveLength(idleCount + 7)
  expect(stage.gateway.logOf('mail.accepted')).toHaveLength(1)
  expect(await stage.gateway.mailwicket.listSessions()).toEqual([])

  // It is all there: in the mailbox, and in what Mailwicket remembers of its last second.
  await restart()
  const reader = await imap()
  await reader.ok('SELECT INBOX')
  await waitFor('the message', 20_000, async () => /^\* SEARCH \d/m.test(await reader.ok('SEARCH HEADER Message-ID sent-in-a-drain')))
  expect(await reader.ok('FETCH 1:* BODY[]')).toContain('line 1999 of an upload')
  const activity = await stage.gateway.mailwicket.json<{ result: string; count?: number }[]>(['activity', '--mailbox', user])
  expect(activity.filter(({ result }) => result === 'ok').reduce((sum, { count = 1 }) => sum + count, 0)).toBeGreaterThanOrEqual(idleCount + 4)
})

test('with nobody connected it stops at once, whatever the drain time', async () => {
  for (const connection of connections) connection.destroy()
  await waitFor('no session', 10_000, () => stage.gateway.logOf('session.end').length >= stage.gateway.logOf('auth.ok').length)
  await stage.gateway.mailwicket.stopServe()
})

test('a second signal ends it at once', async () => {
  await restart()
  const upload = await imap()
  upload.write('u APPEND INBOX {1000}\r\n')
  await upload.readUntil('+ ')
  await upload.writeAll('half')
  serve().process.kill('SIGTERM')
  await stopping()
  serve().process.kill('SIGINT')
  // 128 + SIGINT. The drain would have taken ten minutes.
  expect((await serve().finished).code).toBe(130)
  await upload.readToEnd()
})

test('when the time is over, whoever is left is ended, and half a message is none', async () => {
  const { readFileSync, writeFileSync } = await import('node:fs')
  const { configPath } = stage.gateway.mailwicket
  writeFileSync(configPath, readFileSync(configPath, 'utf8').replace('drain_seconds = 600', 'drain_seconds = 1'))
  await restart()
  const upload = await imap()
  upload.write('u APPEND INBOX {1000}\r\n')
  await upload.readUntil('+ ')
  await upload.writeAll('half')
  const sending = await smtp()
  for (const line of [`MAIL FROM:<${user}>`, `RCPT TO:<${user}>`]) await sending.expect('250', line)
  await sending.expect('354', 'DATA')
  await sending.wire.writeAll('Subject: half\r\n\r\n')
  serve().process.kill('SIGTERM')
  expect(await sending.wire.readToEnd(20_000)).toMatch(/^421 4\.3\.2 /)
  await upload.readToEnd(20_000)
  expect((await serve().finished).code).toBe(0)
  expect(stage.gateway.logOf('stopped')).toMatchObject([{ cut: 2 }])
  expect(stage.postfix.readLog()).not.toContain('Subject: half')
  expect(stage.gateway.logOf('mail.accepted')).toEqual([])
})
