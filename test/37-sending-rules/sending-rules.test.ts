/** The rules of mailbox, user and device, set with commands while the gateway runs: the next message keeps them, also on a connection that lives. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, type RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { patient, waitFor } from '../fixtures/deadline.ts'
import { type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'

const user = 'reader@example.com'
const other = 'other@example.com'
let stage: SubmissionStage
let device: SubmissionDevice
let smtp: RawSmtp
let count = 0

beforeAll(async () => {
  stage = await SubmissionStage.open({ users: [user, other] })
})

afterAll(async () => await stage?.close())

const cli = async <T = unknown>(...args: string[]) => await stage.gateway.mailwicket.json<T>(args)

async function logInAnew(): Promise<void> {
  smtp?.destroy()
  device = await stage.gateway.addDevice(user, `Device ${++count}`)
  smtp = await logInSmtp(device.smtp)
}

async function reconnect(): Promise<void> {
  smtp.destroy()
  smtp = await logInSmtp(device.smtp)
}

/** The reply to MAIL, and the transaction is over again. */
async function mailFrom(sender: string, on = smtp, parameters = ''): Promise<string> {
  const reply = await on.command(`MAIL FROM:<${sender}>${parameters}`)
  await on.expect('250', 'RSET')
  return reply
}

/** What a device may send is read four times a second at most: a change holds for the next MAIL but a few. */
const soon = (sender: string, on = smtp, parameters = '') => expect.poll(() => mailFrom(sender, on, parameters), { interval: 100, timeout: patient(1000) })

const messageFrom = (from: string) => `${from === '' ? '' : `From: ${from}\r\n`}Subject: x\r\n\r\ntext\r\n`

describe('senders', () => {
  // Each test sets the rule it is about.
  beforeAll(logInAnew)
  beforeEach(reconnect)

  test('without a rule any sender goes', async () => {
    for (const sender of [user, other, 'anybody@elsewhere.example', '']) expect(await mailFrom(sender), sender).toMatch(/^250/)
  })

  test.each<readonly [string, readonly string[], readonly string[]]>([
    [
      'own',
      [user, 'READER@Example.COM', ''],
      [other, 'reader@example.com.evil.example', 'xreader@example.com', 'reader@sub.example.com', 'reader+tag@example.com'],
    ],
    ['own,info@example.com', [user, 'info@example.com', 'INFO@EXAMPLE.COM'], [other]],
    ['info@example.com', ['info@example.com'], [user]],
    ['*@example.com', [user, other, 'x.y+z@example.com'], ['a@sub.example.com', 'a@notexample.com', 'a@example.com.evil.example', 'a@example.org']],
    ['*@example.com,*@example.org', [user, 'a@example.org'], ['a@example.net']],
  ])('%s', async (senders, good, bad) => {
    await cli('device', 'set', device.device.id, '--senders', senders)
    await soon(bad[0] ?? '').toMatch(/^550/)
    for (const sender of good) expect(await mailFrom(sender), sender).toMatch(/^250/)
    for (const sender of bad)
      expect(await mailFrom(sender), sender).toMatch(new RegExp(`^550 5\\.7\\.1 [^\\r\\n]*${sender.replaceAll(/[.+]/g, '\\$&')}\\r\\n$`))
    await cli('device', 'set', device.device.id, '--senders', 'any')
    await soon(bad[0] ?? '').toMatch(/^250/)
    for (const sender of bad) expect(await mailFrom(sender), sender).toMatch(/^250/)
  })

  test('in UTF-8', async () => {
    await cli('device', 'set', device.device.id, '--senders', 'jörg@example.com,info@bücher.example')
    await soon(user).toMatch(/^550/)
    const mail = async (sender: string) => await mailFrom(Buffer.from(sender).toString('latin1'), smtp, ' SMTPUTF8')
    for (const sender of ['jörg@example.com', 'JÖRG@example.com', 'info@bücher.example', 'info@xn--bcher-kva.example'])
      expect(await mail(sender), sender).toMatch(/^250/)
    for (const sender of ['jorg@example.com', 'jörg@bücher.example', user]) expect(await mail(sender), sender).toMatch(/^550 5\.7\.1 /)
  })

  test('spellings that another server might read as an allowed one', async () => {
    await cli('device', 'set', device.device.id, '--senders', 'own')
    await soon(other).toMatch(/^550/)
    for (const path of [
      `"reader"@example.com`,
      `reader@[127.0.0.1]`,
      `"reader@example.com"@evil.example`,
      `reader%evil.example@example.com`,
      `evil!reader@example.com`,
    ])
      expect(await mailFrom(path), path).toMatch(/^5/)
  })

  test('the rules of mailbox and device hold together', async () => {
    await cli('mailbox', 'set', user, '--senders', '*@example.com')
    await cli('device', 'set', device.device.id, '--senders', 'own,*@example.org')
    await soon(other).toMatch(/^550/)
    expect(await mailFrom(user)).toMatch(/^250/)
    for (const sender of [other, 'a@example.org']) expect(await mailFrom(sender), sender).toMatch(/^550 5\.7\.1 /)
    await cli('mailbox', 'set', user, '--senders', 'any')
    await soon('a@example.org').toMatch(/^250/)
  })

  test('a refused sender, pipelined with what follows: nothing of it is sent', async () => {
    await cli('device', 'set', device.device.id, '--senders', 'own')
    await soon(other).toMatch(/^550/)
    const before = stage.gateway.logOf('mail.accepted').length
    smtp.wire.write(`MAIL FROM:<${other}>\r\nRCPT TO:<${user}>\r\nDATA\r\n`)
    expect(await smtp.readReply()).toMatch(/^550 5\.7\.1 /)
    for (let reply = 0; reply < 2; reply += 1) expect(await smtp.readReply()).toMatch(/^5/)
    expect(await smtp.send(user, [user], messageFrom(user))).toMatch(/^250/)
    await waitFor('one line', 5000, () => stage.gateway.logOf('mail.accepted').length === before + 1)
  })
})

describe('the From line', () => {
  beforeAll(async () => {
    await logInAnew()
    await cli('device', 'set', device.device.id, '--senders', 'own', '--check-from', 'yes')
    await waitFor('the rule', 1000, async () => (await mailFrom(other)).startsWith('550'), 100)
  })
  // A refused message ends its connection.
  beforeEach(reconnect)

  test.each([
    user,
    `<${user}>`,
    `Reader <${user}>`,
    `"Reader, the one" <READER@example.com>`,
    `=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= <${user}>`,
    `Folded\r\n <${user}>`,
    `(a comment) ${user}`,
  ])('%j goes', async from => {
    expect(await smtp.send(user, [user], messageFrom(from))).toMatch(/^250/)
  })

  test.each([
    other,
    `Reader <${other}>`,
    `"${user}" <${other}>`,
    `${user} <${other}>`,
    `<${user}>, <${other}>`,
    `${other}\r\nFrom: ${user}`,
    `${user}\r\nfrom : ${other}`,
    `${user}\r\nFROM\t: ${other}`,
    '',
    `Group: ${user}, ${other};`,
    `undisclosed`,
  ])('%j is refused after the message, and never arrives', async from => {
    const before = stage.gateway.logOf('mail.accepted').length
    for (const line of [`MAIL FROM:<${user}>`, `RCPT TO:<${user}>`]) await smtp.expect('250', line)
    await smtp.expect('354', 'DATA')
    smtp.wire.write(`${messageFrom(from)}.\r\n`)
    expect(await smtp.readReply()).toMatch(/^550 5\.7\.1 [^\r\n]+\r\n$/)
    expect(await smtp.wire.readToEnd()).toMatch(/^(?:421 [^\r\n]+\r\n)?$/)
    expect(stage.gateway.logOf('mail.accepted')).toHaveLength(before)
  })

  test('a header that does not end is refused', async () => {
    for (const line of [`MAIL FROM:<${user}>`, `RCPT TO:<${user}>`]) await smtp.expect('250', line)
    await smtp.expect('354', 'DATA')
    for (let sent = 0; sent < 400; sent += 1) await smtp.wire.writeAll(`X-Filler: ${'x'.repeat(980)}\r\n`)
    smtp.wire.write(`From: ${user}\r\n\r\ntext\r\n.\r\n`)
    expect(await smtp.readReply()).toMatch(/^55\d 5\.\d\.\d /)
  })

  test('a large message with a good one passes whole', async () => {
    expect(await smtp.send(user, [user], `${messageFrom(user)}${`${'x'.repeat(70)}\r\n`.repeat(30_000)}`)).toMatch(/^250/)
  })
})

describe('recipients', () => {
  beforeEach(logInAnew)

  const rcpt = (number: number) => `RCPT TO:<person-${number}@example.com>`

  test('a message: 452 4.5.3 for one too many, and those before get it', async () => {
    await cli('device', 'set', device.device.id, '--recipients-per-message', '3')
    for (let round = 0; round < 2; round += 1) {
      await smtp.expect('250', `MAIL FROM:<${user}>`)
      for (let number = 0; number < 3; number += 1) await smtp.expect('250', rcpt(number))
      expect(await smtp.command(rcpt(4))).toMatch(/^452 4\.5\.3 /)
      await smtp.expect('354', 'DATA')
      smtp.wire.write(messageFrom(user))
      expect(await smtp.command('.')).toMatch(/^250/)
    }
    expect(stage.gateway.logOf('mail.accepted').at(-1)).toMatchObject({ recipientCount: 3 })
  })

  test('a message: pipelining does not slip past, and a refused recipient does not count', async () => {
    await cli('device', 'set', device.device.id, '--recipients-per-message', '3')
    smtp.wire.write(`MAIL FROM:<${user}>\r\n${Array.from({ length: 20 }, (_, number) => `${rcpt(number)}\r\n`).join('')}RSET\r\n`)
    const codes: string[] = []
    for (let reply = 0; reply < 22; reply += 1) codes.push((await smtp.readReply()).slice(0, 3))
    expect(codes.filter(code => code === '452')).toHaveLength(17)
    await smtp.expect('250', `MAIL FROM:<${user}>`)
    await smtp.expect('550', 'RCPT TO:<gone@example.com>')
    for (let number = 0; number < 3; number += 1) await smtp.expect('250', rcpt(number))
    await smtp.expect('452', rcpt(3))
  })

  test('a day: 451 4.7.1, over all connections of the device, kept in the store', async () => {
    await cli('device', 'set', device.device.id, '--recipients-per-day', '5')
    expect(await smtp.send(user, ['a@example.com', 'b@example.com', 'c@example.com'], messageFrom(user))).toMatch(/^250/)
    const second = await logInSmtp(device.smtp, 'starttls')
    await second.expect('250', `MAIL FROM:<${user}>`)
    for (let number = 0; number < 2; number += 1) await second.expect('250', rcpt(number))
    expect(await second.command(rcpt(3))).toMatch(/^451 4\.7\.1 /)
    await second.expect('354', 'DATA')
    second.wire.write(messageFrom(user))
    expect(await second.command('.')).toMatch(/^250/)
    await smtp.expect('250', `MAIL FROM:<${user}>`)
    expect(await smtp.command(rcpt(4))).toMatch(/^451 4\.7\.1 /)
    await waitFor('the count in the store', 5000, async () => {
      const shown = await cli<{ sending?: { sentToday: number } }>('device', 'show', device.device.id)
      return JSON.stringify(shown).includes('"sentToday":5')
    })
    await smtp.expect('250', 'RSET')
    await smtp.expect('250', `MAIL FROM:<${user}>`)
    expect(await smtp.command(rcpt(5))).toMatch(/^451 4\.7\.1 /)
    await cli('device', 'set', device.device.id, '--recipients-per-day', 'none')
    await smtp.expect('250', 'RSET')
    await smtp.expect('250', `MAIL FROM:<${user}>`)
    await smtp.expect('250', rcpt(5))
    second.destroy()
  })

  test('what the upstream refused does not count for the day', async () => {
    await cli('device', 'set', device.device.id, '--recipients-per-day', '2')
    for (let round = 0; round < 3; round += 1) {
      await smtp.expect('250', `MAIL FROM:<${user}>`)
      await smtp.expect('550', 'RCPT TO:<gone@example.com>')
      await smtp.expect('250', rcpt(1))
      await smtp.expect('250', 'RSET')
    }
    expect(await smtp.send(user, ['a@example.com', 'b@example.com'], messageFrom(user))).toMatch(/^250/)
  })
})

describe('the right to send', () => {
  beforeEach(logInAnew)

  test('of a user is withdrawn: the next MAIL on a live connection is refused, reading goes on, and comes back', async () => {
    const login = `person-${count}`
    await cli('user', 'add', login, '--name', 'A Person')
    await cli('device', 'set', device.device.id, '--user', login)
    const second = await stage.gateway.addDevice(user, `Second of ${login}`, ['--user', login])
    // Linking a device to somebody may end its sessions; from here on they live.
    smtp.destroy()
    smtp = await logInSmtp(device.smtp)
    const third = await logInSmtp(second.smtp)
    const unlinked = await logInSmtp((await stage.gateway.addDevice(user, `Unlinked ${login}`)).smtp)
    const imap = await logIn(device.imap)
    await imap.ok('SELECT INBOX')
    expect(await mailFrom(user)).toMatch(/^250/)
    await cli('user', 'set', login, '--may-send', 'no')
    for (const session of [smtp, third]) {
      await soon(user, session).toMatch(/^550 5\.7\.1 [^\r\n]{10,}\r\n$/)
      expect(await session.command('NOOP')).toMatch(/^250/)
    }
    expect(await mailFrom(user, unlinked)).toMatch(/^250/)
    await imap.ok('NOOP')
    // A new connection logs in too: the password is right.
    const fresh = await logInSmtp(device.smtp)
    expect(await mailFrom(user, fresh)).toMatch(/^550 5\.7\.1 /)
    ;(await logIn(device.imap)).destroy()
    await cli('user', 'set', login, '--may-send', 'yes')
    for (const session of [smtp, third, fresh]) await soon(user, session).toMatch(/^250/)
    for (const session of [third, unlinked, fresh, imap]) session.destroy()
  })

  test('of a user that was made without it', async () => {
    await cli('user', 'add', 'trainee', '--no-send')
    const trainee = await stage.gateway.addDevice(user, 'Of the trainee', ['--user', 'trainee'])
    const session = await logInSmtp(trainee.smtp)
    expect(await mailFrom(user, session)).toMatch(/^550 5\.7\.1 /)
    session.destroy()
  })

  test.each(['mailbox', 'device'] as const)('of a %s', async kind => {
    const subject = kind === 'mailbox' ? user : device.device.id
    await cli(kind, 'set', subject, '--may-send', 'no')
    await soon(user).toMatch(/^550 5\.7\.1 [^\r\n]{10,}\r\n$/)
    expect(await mailFrom('')).toMatch(/^550 5\.7\.1 /)
    ;(await logIn(device.imap)).destroy()
    await cli(kind, 'set', subject, '--may-send', 'yes')
    await soon(user).toMatch(/^250/)
  })

  test('withdrawn between MAIL and DATA: the message does not go', async () => {
    await smtp.expect('250', `MAIL FROM:<${user}>`)
    await smtp.expect('250', `RCPT TO:<${user}>`)
    await cli('device', 'set', device.device.id, '--may-send', 'no')
    const second = await logInSmtp(device.smtp)
    await soon(user, second).toMatch(/^550/)
    second.destroy()
    expect(await smtp.command('DATA')).toMatch(/^550 5\.7\.1 /)
    expect(await mailFrom(user)).toMatch(/^550 5\.7\.1 /)
  })

  test('withdrawn in the middle of a message: that one still goes', async () => {
    for (const line of [`MAIL FROM:<${user}>`, `RCPT TO:<${user}>`]) await smtp.expect('250', line)
    await smtp.expect('354', 'DATA')
    await cli('device', 'set', device.device.id, '--may-send', 'no')
    smtp.wire.write(messageFrom(user))
    expect(await smtp.command('.')).toMatch(/^250/)
    await soon(user).toMatch(/^550 5\.7\.1 /)
  })
})
