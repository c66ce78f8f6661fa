/** What the upstream refuses, the app hears word for word: code, enhanced code, every line; and a temporary refusal stays one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logInSmtp, openSmtp, plainOf, type RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { ScriptedSmtp } from '../fixtures/misbehaving/scripted-smtp.ts'
import { postfixUpstream, type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'
import { recipientReplies, rejectFooter, senderReplies } from '../fixtures/servers/postfix.ts'

const user = 'reader@example.com'
const other = 'other@scripted.example'
let stage: SubmissionStage
let scripted: ScriptedSmtp
let device: SubmissionDevice
let otherDevice: SubmissionDevice

beforeAll(async () => {
  scripted = await ScriptedSmtp.open()
  stage = await SubmissionStage.open({
    users: [user],
    upstreams: (postfix, dovecot) => [postfixUpstream(postfix, dovecot), scripted.asUpstream({ name: 'scripted', domains: ['scripted.example'] })],
  })
  await stage.gateway.mailwicket.addMailbox(other, 'upstream/marker+other', ['--no-verify'])
  device = await stage.gateway.addDevice(user, 'App')
  otherDevice = await stage.gateway.addDevice(other, 'App')
})

afterAll(async () => {
  await stage?.close()
  await scripted?.close()
})

async function openDirect(): Promise<RawSmtp> {
  const account = { ...device.smtp, starttlsPort: stage.postfix.ports.plain, password: stage.dovecot.passwordOf(user) }
  const smtp = await openSmtp(account, 'plain')
  await smtp.expect('235', plainOf(account))
  return smtp
}

test.each<readonly [string, readonly string[]]>([
  ['a recipient who is gone', [`MAIL FROM:<${user}>`, 'RCPT TO:<gone@example.com>']],
  ['a recipient who is busy: temporary', [`MAIL FROM:<${user}>`, 'RCPT TO:<busy@example.com>']],
  ['a full mailbox', [`MAIL FROM:<${user}>`, 'RCPT TO:<full@example.com>']],
  ['a blocked sender', ['MAIL FROM:<blocked@example.com>', `RCPT TO:<${user}>`]],
  ['some of several', [`MAIL FROM:<${user}>`, `RCPT TO:<${user}>`, 'RCPT TO:<gone@example.com>', 'RCPT TO:<busy@example.com>', `RCPT TO:<${user}>`, 'RSET']],
  ['RCPT before MAIL', [`RCPT TO:<${user}>`]],
  ['DATA before RCPT', [`MAIL FROM:<${user}>`, 'DATA']],
  ['a second MAIL', [`MAIL FROM:<${user}>`, `MAIL FROM:<${user}>`]],
  ['a parameter with a bad value', [`MAIL FROM:<${user}> BODY=9BIT`, `MAIL FROM:<${user}> RET=SOME`]],
  ['VRFY, HELP, NOOP with words', [`VRFY ${user}`, 'VRFY', 'HELP', 'NOOP and so on']],
  ['nobody left for DATA', [`MAIL FROM:<${user}>`, 'RCPT TO:<gone@example.com>', 'DATA', 'RSET']],
])('%s: as if straight to Postfix', async (_name, lines) => {
  const through = await logInSmtp(device.smtp)
  const direct = await openDirect()
  for (const line of lines) expect(await through.command(line), line).toBe(await direct.command(line))
  through.destroy()
  direct.destroy()
})

test('they are the refusals that Postfix was told to give, with its second and third line', async () => {
  const smtp = await logInSmtp(device.smtp)
  for (const [address, text] of Object.entries(recipientReplies)) {
    await smtp.expect('250', `MAIL FROM:<${user}>`)
    const reply = await smtp.command(`RCPT TO:<${address}>`)
    const [code = '', enhanced = '', ...words] = text.split(' ')
    expect(reply).toBe(
      `${code}-${enhanced} <${address}>: Recipient address rejected: ${words.join(' ')}\r\n${code}-${enhanced} ${rejectFooter[0]}\r\n${code} ${enhanced} ${rejectFooter[1]}\r\n`,
    )
    await smtp.expect('250', 'RSET')
  }
  for (const [address, text] of Object.entries(senderReplies)) {
    await smtp.expect('250', `MAIL FROM:<${address}>`)
    expect(await smtp.command(`RCPT TO:<${user}>`)).toContain(text.split(' ').slice(2).join(' '))
  }
  smtp.destroy()
})

const replies = {
  'a temporary one': '450 4.2.1 Later\r\n',
  'a temporary one with punctuation': '451 4.3.0 Try again; queue file write error\r\n',
  'a temporary one of three lines': '452-4.3.1 Disk\r\n452-4.3.1 is\r\n452 4.3.1 full\r\n',
  'one with a link': '550 5.7.1 No, never: policy of the house (see https://example.com/why?x=1&y=2)\r\n',
  'one as Gmail writes them': '550-5.7.26 This message lacks authentication\r\n550-5.7.26  with two spaces\r\n550-5.7.26\r\n550 5.7.26 end - gsmtp\r\n',
  'one in UTF-8': '554 5.6.0 Gr\xc3\xbc\xc3\x9fe \xe6\x97\xa9\r\n',
  'one without an enhanced code': '521 no\r\n',
  'one without a text': '550\r\n',
  'a long one': `${`550-${'long '.repeat(180)}\r\n`.repeat(30)}550 end\r\n`,
} as const

describe.each(Object.entries(replies))('%s', (_name, reply) => {
  test.each(['MAIL', 'RCPT', 'DATA', 'data', 'RSET', 'NOOP', 'VRFY', 'HELP', 'QUIT'])('to %s', async step => {
    scripted.script = at => (at === step ? reply : undefined)
    const smtp = await logInSmtp(otherDevice.smtp)
    const before = stage.gateway.logOf('mail.accepted').length
    const said: Record<string, string> = {}
    for (const line of [`MAIL FROM:<${other}>`, `RCPT TO:<${user}>`, 'DATA', 'Subject: x\r\n\r\nx\r\n.', 'NOOP', 'VRFY x', 'HELP', 'RSET', 'QUIT']) {
      const verb = line.startsWith('Subject') ? 'data' : (line.split(' ')[0] ?? '')
      if (verb === 'data' && !said.DATA?.startsWith('354')) continue
      said[verb] = await smtp.command(line)
      if (verb === step) break
    }
    expect(said[step]).toBe(reply)
    if (step === 'data') expect(stage.gateway.logOf('mail.accepted')).toHaveLength(before)
    smtp.destroy()
    scripted.script = undefined
  })
})

test('one of mixed codes means its last, and no 250 of it reaches the app', async () => {
  scripted.script = at => (at === 'data' ? '250-one\r\n550 two\r\n' : undefined)
  const smtp = await logInSmtp(otherDevice.smtp)
  const before = stage.gateway.logOf('mail.accepted').length
  expect(await smtp.send(other, [user], 'Subject: x\r\n\r\nx\r\n')).toBe('550-one\r\n550 two\r\n')
  expect(stage.gateway.logOf('mail.accepted')).toHaveLength(before)
  smtp.destroy()
  scripted.script = undefined
})

test('the words of its 250 too, in several lines', async () => {
  const reply = '250-2.0.0 Thank you\r\n250 2.0.0 Ok: queued as 4XYZ (scripted)\r\n'
  scripted.script = at => (at === 'data' ? reply : undefined)
  const smtp = await logInSmtp(otherDevice.smtp)
  expect(await smtp.send(other, [user], 'Subject: x\r\n\r\nx\r\n')).toBe(reply)
  scripted.script = undefined
  smtp.destroy()
})

test('a reply in many small packets, and several in one', async () => {
  scripted.script = (step, _line, connection) => {
    if (step !== 'MAIL') return undefined
    for (const char of '550-5.1.0 one\r\n550 5.1.0 two\r\n') connection.say(char)
    return { next: 'nothing' }
  }
  const smtp = await logInSmtp(otherDevice.smtp)
  expect(await smtp.command(`MAIL FROM:<${other}>`)).toBe('550-5.1.0 one\r\n550 5.1.0 two\r\n')
  scripted.script = undefined
  smtp.wire.write('NOOP\r\nNOOP\r\nRSET\r\n')
  for (let count = 0; count < 3; count += 1) expect(await smtp.readReply()).toMatch(/^250/)
  smtp.destroy()
})

test.each([
  ['temporarily', '454 4.7.0 Temporary authentication failure\r\n'],
  ['for good', '535 5.7.8 Error: authentication failed\r\n'],
])('an upstream that refuses our own login %s: 454, never 535', async (_name, reply) => {
  scripted.script = step => (step === 'AUTH' ? reply : undefined)
  const smtp = await openSmtp(otherDevice.smtp)
  expect(await smtp.command(plainOf(otherDevice.smtp))).toMatch(/^454 4\.7\.0 /)
  scripted.script = undefined
  expect(await smtp.command(plainOf(otherDevice.smtp))).toMatch(/^235/)
  smtp.destroy()
})

test.each(['421 4.3.2 Not now\r\n', '554 5.3.2 No service here\r\n'])('an upstream that greets with %j: 454', async greeting => {
  scripted.script = step => (step === 'greeting' ? { say: greeting, next: 'end' } : undefined)
  const smtp = await openSmtp(otherDevice.smtp)
  expect(await smtp.command(plainOf(otherDevice.smtp))).toMatch(/^454 4\.7\.0 /)
  scripted.script = undefined
  smtp.destroy()
})

describe.each(['end', 'reset'] as const)('a refusal in the middle of the data, and then %s', leave => {
  test.each([0, 200, 2_000])('%d ms later: the app hears the refusal', async delayMs => {
    const before = stage.gateway.logOf('mail.accepted').length
    scripted.script = (step, _line, connection) => {
      if (step !== 'payload') return undefined
      if (delayMs === 0) return { say: '552-5.3.4 This is\r\n552 5.3.4 too big\r\n', next: leave }
      connection.say('552-5.3.4 This is\r\n552 5.3.4 too big\r\n')
      setTimeout(() => (leave === 'end' ? connection.socket.end() : connection.socket.resetAndDestroy()), delayMs)
      return { next: 'nothing' }
    }
    const smtp = await logInSmtp(otherDevice.smtp)
    const reply = await smtp.send(other, [user], `Subject: x\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(40_000)}`, 60_000)
    expect(reply).toBe('552-5.3.4 This is\r\n552 5.3.4 too big\r\n')
    scripted.script = undefined
    smtp.destroy()
    expect(stage.gateway.logOf('mail.accepted')).toHaveLength(before)
  })
})

test('a reply whose lines have several codes is its last line’s', async () => {
  scripted.script = step => (step === 'RCPT' ? '450-4.2.0 it seems\r\n550 5.1.1 gone\r\n' : undefined)
  const smtp = await logInSmtp(otherDevice.smtp)
  await smtp.expect('250', `MAIL FROM:<${other}>`)
  expect(await smtp.command(`RCPT TO:<${user}>`)).toBe('550-4.2.0 it seems\r\n550 5.1.1 gone\r\n')
  scripted.script = undefined
  smtp.destroy()
})
