/** Messages of every kind, sent through the gateway and read back through it: the same bytes after the trace fields. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOk } from '../fixtures/child-process.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, type RawSmtp, stuffDots } from '../fixtures/clients/raw-smtp.ts'
import { ReadBack, withoutTrace } from '../fixtures/clients/read-back.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { Inspector } from '../fixtures/program/inspector.ts'
import { type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'

const user = 'reader@example.com'
const pile = 'pile@example.com'
const utf8Reader = 'utf8-reader@example.com'
let stage: SubmissionStage
let device: SubmissionDevice
let inbox: ReadBack
let smtp: RawSmtp
let inspector: Inspector

beforeAll(async () => {
  stage = await SubmissionStage.open({ users: [user, pile, utf8Reader] })
  inspector = await Inspector.open(stage.gateway.mailwicket)
  device = await stage.gateway.addDevice(user, 'Sender')
  inbox = await ReadBack.open(device.imap)
  // One connection for all of it: what one message leaves behind spoils the next.
  smtp = await logInSmtp(device.smtp, 'starttls')
})

afterAll(async () => {
  smtp?.destroy()
  inspector?.close()
  inbox?.close()
  await stage?.close()
})

const headerOf = (id: string) => `From: <${user}>\r\nMessage-ID: ${id}\r\nSubject: test\r\nDate: Sun, 22 Nov 2026 06:00:00 +0000\r\n\r\n`

async function sendAndRead(id: string, body: string | Buffer): Promise<void> {
  const message = Buffer.concat([Buffer.from(headerOf(id)), Buffer.from(body as string, 'latin1')])
  expect(await smtp.send(user, [user], stuffDots(message), 60_000)).toMatch(/^250 2\.0\.0 Ok: queued as [0-9A-F]+\r\n$/)
  const read = await inbox.waitFor(id, 60_000)
  // Not `toEqual`: megabytes of difference are nothing to print.
  expect(firstDifference(read, message)).toBeUndefined()
}

function firstDifference(read: Buffer, sent: Buffer): string | undefined {
  if (read.equals(sent)) return undefined
  let at = 0
  while (at < sent.length && read[at] === sent[at]) at += 1
  const part = (bytes: Buffer) => JSON.stringify(bytes.toString('latin1', Math.max(0, at - 30), at + 30))
  return `at ${at} of ${sent.length} (${read.length} read): ${part(read)} and not ${part(sent)}`
}

const every8BitByte = Buffer.from(Array.from({ length: 128 }, (_, index) => 128 + index)).toString('latin1')

test.each<readonly [string, string]>([
  ['no text at all', ''],
  ['one octet', 'x\r\n'],
  ['only empty lines', '\r\n\r\n\r\n'],
  ['lines that begin with dots', '.\r\n..\r\n...\r\n.a\r\n..b\r\n. \r\n.\t\r\n.\r\n'],
  ['a dot as its last line', 'text\r\n.\r\n'],
  ['what looks like commands', 'QUIT\r\nMAIL FROM:<evil@example.com>\r\nRSET\r\nDATA\r\n'],
  ['every octet with the high bit', `${every8BitByte}\r\n`],
  ['control characters', '\x01\x02\x07\x08\x0b\x0c\x1b\x7f\r\n'],
  ['a line of a million octets', `${'long '.repeat(200_000)}\r\n`],
  ['a million lines', '\r\n'.repeat(1_000_000)],
])('%s', async (name, body) => {
  await sendAndRead(`<${name.replaceAll(' ', '.')}@raw.client.example>`, body)
})

test('a header line of 100,000 octets', async () => {
  const id = '<long.header@raw.client.example>'
  const message = Buffer.from(`X-Long: ${'word '.repeat(20_000)}\r\n${headerOf(id)}text\r\n`)
  expect(await smtp.send(user, [user], message)).toMatch(/^250/)
  expect(firstDifference(await inbox.waitFor(id), message)).toBeUndefined()
})

test('a message that is one octet in all', async () => {
  const before = await inbox.count()
  expect(await smtp.send(user, [user], 'x\r\n')).toMatch(/^250/)
  await waitFor('the delivery', 20_000, async () => (await inbox.count()) === before + 1)
  const messages = stage.postfix
    .readMaildir(user)
    .map(bytes => withoutTrace(Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')).toString())
  // Postfix ends the header that it began with its own trace field.
  expect(messages).toContain('\r\nx\r\n')
})

test('50 MB, sent by curl', async () => {
  const id = '<fifty.megabytes@curl.example>'
  const file = join(makeTempDir(), 'big')
  const line = `${randomBytes(54).toString('base64')}\r\n`.replaceAll('+', '.')
  const lines = Math.ceil(50_000_000 / line.length)
  const message = Buffer.concat([Buffer.from(headerOf(id)), Buffer.alloc(lines * line.length, line, 'latin1')])
  writeFileSync(file, message)
  const { user: login, password, ca, port } = device.smtp
  const args = ['-sS', '--cacert', ca, '--url', `smtps://localhost:${port}`, '--user', `${login}:${password}`]
  const held = await inspector.peakDuring(() => runOk('curl', [...args, '--mail-from', user, '--mail-rcpt', user, '--upload-file', file]))
  // It passes; it is not kept.
  expect(held).toBeLessThan(message.length / 4)
  expect(firstDifference(await inbox.waitFor(id, 60_000), message)).toBeUndefined()
  const accepted = stage.gateway.logOf('mail.accepted').at(-1)
  expect(Number(accepted?.bytes)).toBeGreaterThanOrEqual(message.length)
  smtp.destroy()
  smtp = await logInSmtp(device.smtp, 'starttls')
})

test('100 recipients, each gets it', async () => {
  const id = '<hundred@raw.client.example>'
  const others = Array.from({ length: 99 }, (_, index) => `person-${index}@example.com`)
  const message = `${headerOf(id)}to all\r\n`
  expect(await smtp.send(user, [...others, user], message)).toMatch(/^250/)
  expect((await inbox.waitFor(id)).toString()).toBe(message)
  const text = message.replaceAll('\r\n', '\n')
  await waitFor('all deliveries', 30_000, () => others.every(address => stage.postfix.readMaildir(address).length === 1))
  for (const address of others) expect(stage.postfix.readMaildir(address)[0]?.toString().endsWith(text), address).toBe(true)
  expect(stage.gateway.logOf('mail.accepted').at(-1)).toMatchObject({ recipientCount: 100 })
})

test('UTF-8 addresses and headers', async () => {
  const id = '<smtputf8@raw.client.example>'
  const message = Buffer.from(`From: Jörg <jörg@example.com>\r\nTo: <jörg@example.com>\r\nMessage-ID: ${id}\r\nSubject: Grüße\r\n\r\nÄÖÜ 早安\r\n`)
  const latin1 = (text: string) => Buffer.from(text).toString('latin1')
  await smtp.expect('250', latin1('MAIL FROM:<jörg@example.com> SMTPUTF8 BODY=8BITMIME'))
  await smtp.expect('250', `RCPT TO:<${utf8Reader}>`)
  await smtp.expect('250', latin1('RCPT TO:<jörg@example.com>'))
  await smtp.expect('354', 'DATA')
  await smtp.wire.writeAll(message)
  expect(await smtp.command('.')).toMatch(/^250/)
  const reader = await ReadBack.open((await stage.gateway.addDevice(utf8Reader, 'Reader')).imap)
  expect((await reader.waitFor(id)).toString()).toBe(message.toString())
  reader.close()
  await waitFor('the other delivery', 10_000, () => stage.postfix.readMaildir('jörg@example.com').length === 1)
  expect(stage.gateway.logOf('mail.accepted').at(-1)).toMatchObject({ sender: 'jörg@example.com', recipients: [utf8Reader, 'jörg@example.com'] })
})

test('UTF-8 addresses sent by nodemailer', async () => {
  const { user: login, password, ca, port } = device.smtp
  const transport = createTransport({ host: 'localhost', port, secure: true, auth: { user: login, pass: password }, tls: { ca: readFileSync(ca, 'utf8') } })
  const sent = await transport.sendMail({ from: 'jörg@example.com', to: 'jörg@example.com', subject: 'Grüße', text: 'Grüße' })
  expect(sent.accepted).toEqual(['jörg@example.com'])
  transport.close()
  await waitFor('the delivery', 10_000, () => stage.postfix.readMaildir('jörg@example.com').length === 2)
})

test('DSN parameters: the report about the delivery names them', async () => {
  const id = '<dsn@raw.client.example>'
  await smtp.expect('250', `MAIL FROM:<${user}> RET=HDRS ENVID=QQ+2B314159 SIZE=1000 BODY=8BITMIME`)
  await smtp.expect('250', `RCPT TO:<somebody@example.com> NOTIFY=SUCCESS,DELAY,FAILURE ORCPT=rfc822;Some+2BBody@example.com`)
  await smtp.expect('354', 'DATA')
  smtp.wire.write(`${headerOf(id)}text\r\n`)
  expect(await smtp.command('.')).toMatch(/^250/)
  const uid = await waitFor('the report', 20_000, async () => (await inbox.find('Subject', 'Successful Mail Delivery Report'))[0])
  const report = (await inbox.fetch(uid)).toString()
  expect(report).toContain('Original-Envelope-Id: QQ+314159')
  expect(report).toContain('Original-Recipient: rfc822;Some+Body@example.com')
})

test('200 pipelined transactions on one connection', async () => {
  const account = await stage.gateway.addDevice(pile, 'Reader')
  const before = stage.gateway.logOf('mail.accepted').length
  const count = 200
  const start = `MAIL FROM:<${user}>\r\nRCPT TO:<${pile}>\r\nDATA\r\n`
  smtp.wire.write(start)
  for (let number = 1; number <= count; number += 1) {
    // RFC 2920 §3.1: what follows the data may be pipelined behind it; DATA ends a group.
    expect(await smtp.readReply()).toMatch(/^250/)
    expect(await smtp.readReply()).toMatch(/^250/)
    expect(await smtp.readReply()).toMatch(/^354/)
    smtp.wire.write(`${headerOf(`<${number}@pile.example>`)}Number ${number} of ${count}\r\n.\r\n${number < count ? start : ''}`)
    expect(await smtp.readReply()).toMatch(/^250 2\.0\.0/)
  }
  const imap = await logIn(account.imap)
  await imap.ok('SELECT INBOX')
  await waitFor('all deliveries', 60_000, () => stage.postfix.readMaildir(pile).length === count, 100)
  await imap.ok('NOOP')
  const all = await imap.ok('FETCH 1:* (BODY.PEEK[TEXT])', 30_000)
  for (let number = 1; number <= count; number += 1) expect(all).toContain(`\r\nNumber ${number} of ${count}\r\n`)
  imap.destroy()
  expect(stage.gateway.logOf('mail.accepted').length - before).toBe(count)
})

test('50 transactions in one packet, as a program in a hurry sends them', async () => {
  const count = 50
  let packet = ''
  for (let number = 1; number <= count; number += 1)
    packet += `MAIL FROM:<${user}>\r\nRCPT TO:<${user}>\r\nDATA\r\n${headerOf(`<${number}@hurry.example>`)}..dot ${number}\r\n.\r\nNOOP\r\n`
  smtp.wire.write(packet)
  for (let number = 1; number <= count; number += 1) {
    for (const code of ['250', '250', '354', '250', '250']) expect((await smtp.readReply()).slice(0, 3)).toBe(code)
  }
  for (const number of [1, count]) expect((await inbox.waitFor(`<${number}@hurry.example>`)).toString()).toContain(`\r\n.dot ${number}\r\n`)
})
