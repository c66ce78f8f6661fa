/** Each verb in each state, in front of an upstream that keeps all it is told: nothing without a device, and with one only what a mail app may say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logInSmtp, openSmtp, plainOf, type RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { ScriptedSmtp } from '../fixtures/misbehaving/scripted-smtp.ts'
import { type SubmissionDevice, SubmissionGateway } from '../fixtures/program/submission-stage.ts'

const user = 'reader@example.com'
let upstream: ScriptedSmtp
let gateway: SubmissionGateway
let device: SubmissionDevice
let reader: SubmissionDevice

beforeAll(async () => {
  upstream = await ScriptedSmtp.open()
  gateway = await SubmissionGateway.open([upstream.asUpstream()])
  await gateway.mailwicket.addMailbox(user, 'upstream/marker+secret', ['--no-verify'])
  await gateway.serve()
  device = await gateway.addDevice(user, 'App')
  reader = await gateway.addDevice(user, 'Reads only', ['--scope', 'imap'])
})

afterAll(async () => {
  await gateway?.mailwicket.close()
  await upstream?.close()
})

const mail = `MAIL FROM:<${user}>`
const rcpt = 'RCPT TO:<somebody@elsewhere.example>'
const payload = 'Subject: relayed\r\n\r\ntext\r\n'

/** What forges an identity at an upstream that trusts us, or moves data past what we look at; and what only an administrator needs. */
const forbidden = [
  'XCLIENT ADDR=192.0.2.1 LOGIN=boss@example.com',
  'XCLIENT NAME=x',
  'xclient addr=192.0.2.1',
  'XFORWARD NAME=x ADDR=192.0.2.1',
  'ETRN example.com',
  'BURL imap://reader@localhost/INBOX LAST',
  'BDAT 10 LAST',
  'BDAT 0 LAST',
  'EXPN staff',
  'TURN',
  'ATRN example.com',
  'SEND FROM:<reader@example.com>',
  'SAML FROM:<reader@example.com>',
  'SOML FROM:<reader@example.com>',
  'XEXCH50 2 2',
  'X-ANONYMOUSTLS',
  'X-EXPS GSSAPI',
  'XADR a',
  'ONEX',
  'VERB',
  'DEBUG',
  'WIZ',
  'LHLO x',
  'PROXY TCP4 192.0.2.1 192.0.2.2 1 2',
  'STARTTLS',
  'STARTTLS x',
  'constructor',
  '__proto__',
  'toString',
] as const
const allowed = ['HELO x', 'EHLO x', mail, rcpt, 'DATA', 'RSET', 'NOOP', 'VRFY somebody', 'HELP', 'QUIT'] as const

type Open = () => Promise<RawSmtp>
async function wrong(password: string): Promise<RawSmtp> {
  registerSecret(password)
  const smtp = await openSmtp(device.smtp)
  await smtp.expect('535', plainOf({ user, password }))
  return smtp
}

const withoutDevice: Readonly<Record<string, Open>> = {
  'before TLS': async () => await openSmtp(device.smtp, 'plain'),
  'after STARTTLS, before EHLO': async () => {
    const smtp = await openSmtp(device.smtp, 'plain')
    await smtp.expect('220', 'STARTTLS')
    await smtp.wire.startTls()
    return smtp
  },
  'after EHLO': async () => await openSmtp(device.smtp),
  'in AUTH PLAIN': async () => {
    const smtp = await openSmtp(device.smtp)
    await smtp.expect('334', 'AUTH PLAIN')
    return smtp
  },
  'in AUTH LOGIN': async () => {
    const smtp = await openSmtp(device.smtp)
    await smtp.expect('334', `AUTH LOGIN ${Buffer.from(user).toString('base64')}`)
    return smtp
  },
  'after a wrong password': async () => await wrong('one that is wrong, sadly'),
  'after a device that may only read': async () => await wrong(reader.smtp.password),
  'after * ': async () => {
    const smtp = await openSmtp(device.smtp)
    await smtp.expect('334', 'AUTH LOGIN')
    await smtp.expect('501', '*')
    return smtp
  },
}

describe.each(Object.keys(withoutDevice))('%s', state => {
  test('each verb: nothing reaches the upstream', async () => {
    const connections = upstream.connections.length
    const tryOne = async (line: string) => {
      const smtp = await (withoutDevice[state] as Open)()
      const reply = await smtp.command(line)
      // EHLO, NOOP and the like are ours to answer; a message never is.
      if (/^(?:MAIL|RCPT|DATA|BDAT|BURL)/.test(line)) expect(reply, line).toMatch(/^5\d\d |^421 |^$/)
      expect(reply, line).not.toMatch(/^(?:354|235)/)
      smtp.destroy()
    }
    const lines = [...allowed, ...forbidden].filter(line => state !== 'before TLS' || line !== 'STARTTLS')
    await Promise.all(lines.map(tryOne))
    // A whole message at once, whatever is answered.
    const smtp = await (withoutDevice[state] as Open)()
    smtp.wire.write(`EHLO x\r\n${mail}\r\n${rcpt}\r\nDATA\r\n${payload}.\r\nQUIT\r\n`)
    expect(await smtp.wire.readToEnd()).not.toMatch(/^354|^250 2\.0\.0 Ok: kept/m)
    expect(upstream.connections.length).toBe(connections)
  })
})

const steps: Readonly<Record<string, readonly string[]>> = {
  'after AUTH': [],
  'after EHLO': ['EHLO again.example'],
  'after MAIL': [mail],
  'after RCPT': [mail, rcpt],
  'after RSET': [mail, 'RSET'],
}

describe.each(Object.keys(steps))('with a device, %s', state => {
  test.each(forbidden)('%s is refused here and never goes on', async line => {
    const smtp = await logInSmtp(device.smtp)
    for (const step of steps[state] ?? []) await smtp.expect('250', step)
    const before = upstream.commands.length
    for (const variant of [line, `${line} `, line.toLowerCase(), `\t${line}`, ` ${line}`])
      expect(await smtp.command(variant), variant).toMatch(/^50[0123] 5\.5\.\d /)
    expect(upstream.commands.slice(before)).toEqual([])
    // The session goes on where it was.
    expect(await smtp.command('NOOP')).toMatch(/^250/)
    expect(upstream.commands.slice(before)).toEqual(['NOOP'])
    smtp.destroy()
  })

  test('pipelined between others: refused in its place', async () => {
    const smtp = await logInSmtp(device.smtp)
    for (const step of steps[state] ?? []) await smtp.expect('250', step)
    const before = upstream.commands.length
    smtp.wire.write('NOOP\r\nXCLIENT ADDR=192.0.2.1\r\nNOOP\r\nBDAT 5 LAST\r\nNOOP\r\n')
    const codes: string[] = []
    for (let count = 0; count < 5; count += 1) codes.push((await smtp.readReply()).slice(0, 3))
    expect(codes).toEqual(['250', '502', '250', '502', '250'])
    expect(upstream.commands.slice(before)).toEqual(['NOOP', 'NOOP', 'NOOP'])
    smtp.destroy()
  })
})

test('a second AUTH is refused, in each form, and no secret goes on', async () => {
  const smtp = await logInSmtp(device.smtp)
  const before = upstream.commands.length
  for (const line of [plainOf(device.smtp), 'AUTH LOGIN', 'AUTH PLAIN', 'auth external =']) expect(await smtp.command(line)).toMatch(/^503 5\.5\.1 /)
  expect(upstream.commands.slice(before)).toEqual([])
  smtp.destroy()
})

test.each([
  [`MAIL FROM:<${user}> AUTH=<>`, `MAIL FROM:<${user}>`],
  [`MAIL FROM:<${user}> AUTH=boss@example.com`, `MAIL FROM:<${user}>`],
  [`MAIL FROM:<${user}> SIZE=10 AUTH=boss+40example.com BODY=8BITMIME`, `MAIL FROM:<${user}> SIZE=10 BODY=8BITMIME`],
  [`MAIL FROM:<${user}> auth=a Auth=b RET=HDRS`, `MAIL FROM:<${user}> RET=HDRS`],
  [`mail from:<${user}> AUTH=x`, `MAIL FROM:<${user}>`],
  [`MAIL FROM:<${user}>\tAUTH=<>`, `MAIL FROM:<${user}>`],
  [`MAIL FROM: < ${user} >  AUTH=<>`, `MAIL FROM:<${user}>`],
  [`MAIL FROM:<@relay.example,@other.example:${user}>`, `MAIL FROM:<${user}>`],
  [`MAIL FROM:<${user}> SMTPUTF8 REQUIRETLS ENVID=AUTH=1`, undefined],
])('%s', async (line, relayed) => {
  const smtp = await logInSmtp(device.smtp)
  const reply = await smtp.command(line)
  if (relayed === undefined) expect(reply).toMatch(/^501 /)
  else {
    expect(reply).toMatch(/^250/)
    expect(upstream.commands.at(-1)?.toUpperCase()).toBe(relayed.toUpperCase())
  }
  expect(upstream.commands.filter(said => /^MAIL.* AUTH=/i.test(said))).toEqual([])
  smtp.destroy()
})

test.each(['XVERP', 'XVERP=+-', 'AUTHX=a', 'X-SENDER=boss@example.com', 'NONSENSE=1', 'MT-PRIORITY=9', 'BY=1;R', 'HOLDFOR=10'])(
  'the parameter %s, which is not offered, does not go on',
  async parameter => {
    const smtp = await logInSmtp(device.smtp)
    const before = upstream.commands.length
    expect(await smtp.command(`MAIL FROM:<${user}> ${parameter}`)).toMatch(/^555 5\.5\.4 /)
    expect(upstream.commands.slice(before)).toEqual([])
    smtp.destroy()
  },
)

test.each([
  'MAIL FROM:<reader@example.com>AUTH=<>',
  'MAIL FROM:<@relay.example:reader@example.com,boss@example.com>',
  'MAIL FROM:<reader@example.com> <boss@example.com>',
  'MAIL FROM:<reader@example.com><boss@example.com>',
  'MAIL FROM:reader@example.com <boss@example.com>',
  'MAIL FROM:<"reader@example.com"@>',
  'MAIL FROM:<reader@example.com\0@evil.example>',
  'MAIL FROM:<reader@example.com\r@evil.example>',
  'MAIL FROM:<reader@example.com\n>',
  'MAIL',
  'MAIL TO:<reader@example.com>',
  'RCPT FROM:<reader@example.com>',
  'RCPT TO:<a@example.com>,<b@example.com>',
  'RCPT TO:a@example.com,b@example.com',
  'RCPT TO:<@a.example,@b.example:c@example.com;>',
])('%j is read by different servers differently: it does not go on', async line => {
  const smtp = await logInSmtp(device.smtp)
  const before = upstream.commands.length
  expect(await smtp.command(line)).toMatch(/^50[012] /)
  expect(upstream.commands.slice(before)).toEqual([])
  smtp.destroy()
})

test('commands in a refused message or one with a bare-LF end, or behind it, do not go on', async () => {
  const smtp = await logInSmtp(device.smtp)
  for (const line of [mail, rcpt]) await smtp.expect('250', line)
  await smtp.expect('354', 'DATA')
  const before = upstream.commands.length
  smtp.wire.write(`Subject: x\r\n\r\ny\n.\nXCLIENT ADDR=192.0.2.1\r\n.\r\nMAIL FROM:<evil@example.com>\r\n`)
  expect(await smtp.wire.readToEnd()).toMatch(/^554 /)
  expect(upstream.commands.slice(before)).toEqual([])
})

test('after ten malformed commands the session ends', async () => {
  const smtp = await logInSmtp(device.smtp)
  for (let count = 1; count <= 10; count += 1) expect(await smtp.command('XCLIENT ADDR=192.0.2.1')).toMatch(/^502 /)
  expect(await smtp.wire.readToEnd()).toMatch(/^421 4\.7\.0 /)
})

test('the message itself goes on untouched: NULs, bare line ends, 8 bits, megabytes', async () => {
  const smtp = await logInSmtp(device.smtp)
  const odd = Buffer.concat([
    Buffer.from('Subject: odd\r\n\r\n..stuffed\r\nbare\nline\rends\0and NUL\r\n.x\r\n', 'latin1'),
    Buffer.from(Array.from({ length: 256 }, (_, index) => index)),
    Buffer.alloc(3_000_000, 'no line end at all '),
    Buffer.from('\r\n'),
  ])
  expect(await smtp.send(user, [user], odd)).toMatch(/^250/)
  expect(upstream.messages.at(-1)?.equals(odd)).toBe(true)
  smtp.destroy()
})

test('the upstream heard nothing but what is on the list, in all of this', () => {
  const verbs = new Set(
    upstream.commands
      .filter(line => !/^[A-Za-z0-9+/]+=*$/.test(line) || /^(?:DATA|NOOP|RSET|QUIT|HELP)$/.test(line))
      .map(line => /^[A-Za-z]*/.exec(line)?.[0].toUpperCase()),
  )
  expect([...verbs].sort()).toEqual(['AUTH', 'DATA', 'EHLO', 'MAIL', 'NOOP', 'RCPT', 'RSET'])
})
