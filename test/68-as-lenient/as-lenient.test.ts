/**
 * What the real Postfix and Dovecot take, the gateway takes: each line goes to both. What it refuses all the same is listed here and in
 * docs/clients.md, and nothing else.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openImaps, openRawImap, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, plainOf, RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'

const user = 'reader@example.com'
let stage: SubmissionStage
let device: SubmissionDevice
let postfix: RawSmtp
let gateway: RawSmtp

beforeAll(async () => {
  stage = await SubmissionStage.open({ users: [user] })
  device = await stage.gateway.addDevice(user, 'Odd')
  postfix = new RawSmtp(await openRawImap({ host: '127.0.0.1', port: stage.postfix.ports.plain, tls: 'none' }))
  await postfix.readReply()
  await postfix.expect('250', 'EHLO raw.client.example')
  await postfix.expect('235', plainOf({ user, password: stage.dovecot.passwordOf(user) }))
  gateway = await logInSmtp(device.smtp)
})

afterAll(async () => await stage?.close())

const paths = [
  '<a@example.com>',
  '<a..b@example.com>',
  '<a.@example.com>',
  '<.a@example.com>',
  '<root>',
  'root',
  '< >',
  '  <a@example.com>',
  '\t<a@example.com>',
  '<a@example.com>\tSIZE=5',
  '<a@example.com>  SIZE=5 ',
  '< a@example.com >',
  'a@example.com',
  'a@example.com>',
  '<<a@example.com>>',
  '<@x.example,@y.example:a@example.com>',
  '<"a b"@example.com>',
  '<"a".b@example.com>',
  '<a@b@example.com>',
  '<a@[127.0.0.1]>',
  '<a%b@example.com>',
  '<a@example.com.>',
  '<a b@example.com>',
  '<a@example.com,b@example.com>',
  '<a@example.com>SIZE=5',
  '<a@example.com> FOO=1',
  'Ann <a@example.com>',
] as const

/** Postfix takes them, the gateway does not: a comment, a name, a second reading. */
const refusedByUs = [
  '<Ann <a@example.com>>',
  '<a(comment)@example.com>',
  '<a\\ b@example.com>',
  '<mailto:a@example.com>',
  '<@example.com>',
  '<a@example.com>;',
  '<a\x01b@example.com>',
  '<a@example.com> ENVID=a=b',
] as const

/** 2 or 5: what becomes of a sender. */
async function classOf(smtp: RawSmtp, line: string): Promise<string> {
  const reply = await smtp.command(line)
  await smtp.expect('250', 'RSET')
  return reply.slice(0, 1)
}

test.each(paths.flatMap(path => [`MAIL FROM:${path}`, `mail  from:${path}`, ` MAIL\tFROM:${path}`]))('%j is taken or refused by both', async line => {
  expect(await classOf(gateway, line)).toBe(await classOf(postfix, line))
})

test.each(refusedByUs)('%j is on the list of what only we refuse', async path => {
  expect([await classOf(postfix, `MAIL FROM:${path}`), await classOf(gateway, `MAIL FROM:${path}`)]).toEqual(['2', '5'])
})

const base64 = (text: string) => Buffer.from(text).toString('base64')
const wrong = base64(`\0${user}\0wrong-for-both`)

/** `@` stands for the right name and password, as an AUTHENTICATE PLAIN response. */
const commands = [
  'NOOP ',
  'NOOP x',
  'CAPABILITY ',
  'LOGOUT ',
  'ID nil',
  'ID NIL ',
  'ID',
  'ID ("name" "x" )',
  'ID ("name" nil)',
  'ID ("name")',
  'ID "x"',
  `ID (${Array.from({ length: 30 }, (_, i) => `"${String(i).padStart(30, 'k')}" "${'v'.repeat(1024)}"`).join(' ')})`,
  `ID ("${'k'.repeat(31)}" "x")`,
  'ENABLE UTF8=ACCEPT',
  'IDLE',
  'SELECT INBOX',
  'AUTHENTICATE PLAIN @',
  'AUTHENTICATE PLAIN @ ',
  'AUTHENTICATE PLAIN  @',
  'AUTHENTICATE PLAIN \r\n@',
  `AUTHENTICATE PLAIN ${wrong}`,
  `AUTHENTICATE PLAIN ${base64(`\0${user}\0x`).replaceAll('=', '')}`,
  'AUTHENTICATE PLAIN !!!!',
  'LOGIN "" ""',
  `LOGIN ${user} ""`,
  `LOGIN  ${user}   wrong `,
  `LOGIN ${user} wr%ong*`,
  `LOGIN ${user} wr]ong`,
  `LOGIN ${user} wr\\ong`,
  `LOGIN ${user} wr{ong`,
  `LOGIN ${user} (wrong)`,
  `LOGIN ${user} "wr\\ong"`,
  `LOGIN ${user} "wrong\t"`,
  `LOGIN ${user}`,
] as const

async function answerOf(imap: RawImap, command: string, password: string): Promise<string | undefined> {
  imap.write(`t ${command.replace('@', () => (command.startsWith('AUTHENTICATE') ? base64(`\0${user}\0${password}`) : '@'))}\r\n`)
  const reply = await imap.readReply('t')
  imap.destroy()
  return /^t (OK|NO|BAD)/m.exec(reply)?.[1]
}

test.each(commands.map(command => ({ command, name: command.slice(0, 60) })))('before login, $name', async ({ command }) => {
  const dovecot = await openRawImap({ host: '127.0.0.1', port: stage.dovecot.ports.plain, tls: 'none' })
  await dovecot.readLine()
  const ours = await answerOf(await openImaps(device.imap), command, device.device.password)
  expect(ours).toBe(await answerOf(dovecot, command, stage.dovecot.passwordOf(user)))
})

test('what the server offers is offered before login once it was seen', async () => {
  const logged = await openImaps(device.imap)
  await logged.ok(`LOGIN ${user} ${device.device.password}`)
  logged.destroy()
  const imap = await openImaps(device.imap)
  expect(await imap.ok('CAPABILITY')).toMatch(/ ENABLE IDLE .*UIDPLUS/)
  imap.destroy()
})
