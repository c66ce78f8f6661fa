/** Submission before anybody is logged in: the right reply to everything that is wrong, early, too long, too slow or hostile. */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logInSmtp, openSmtp, plainOf, type RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { ScriptedSmtp } from '../fixtures/misbehaving/scripted-smtp.ts'
import { Inspector } from '../fixtures/program/inspector.ts'
import { type SubmissionDevice, SubmissionGateway } from '../fixtures/program/submission-stage.ts'

const user = 'reader@example.com'
let upstream: ScriptedSmtp
let gateway: SubmissionGateway
let device: SubmissionDevice
let inspector: Inspector
/** A session that must not notice anything. */
let bystander: RawSmtp

beforeAll(async () => {
  upstream = await ScriptedSmtp.open()
  gateway = await SubmissionGateway.open([upstream.asUpstream()])
  await gateway.mailwicket.addMailbox(user, 'upstream/marker+secret', ['--no-verify'])
  await gateway.serve()
  inspector = await Inspector.open(gateway.mailwicket)
  device = await gateway.addDevice(user, 'App')
  bystander = await logInSmtp(device.smtp)
})

afterAll(async () => {
  bystander?.destroy()
  inspector?.close()
  await gateway?.mailwicket.close()
  await upstream?.close()
})

const base64 = (text: string) => Buffer.from(text).toString('base64')
const enc = (text: string) => base64(text).replace(/=+$/, '')

describe('before TLS', () => {
  test('AUTH is not offered, and refused with a reply that says what is missing', async () => {
    const smtp = await openSmtp(device.smtp, 'plain')
    expect(await smtp.command('EHLO again.example')).not.toContain('AUTH')
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^538 5\.7\.11 /)
    expect(await smtp.command('AUTH PLAIN')).toMatch(/^538 5\.7\.11 /)
    expect(await smtp.command('AUTH LOGIN')).toMatch(/^538 5\.7\.11 /)
    for (const line of [`MAIL FROM:<${user}>`, `RCPT TO:<${user}>`, 'DATA']) expect(await smtp.command(line), line).toMatch(/^530 5\.7\.0 /)
    expect(await smtp.command('QUIT')).toMatch(/^221/)
    smtp.destroy()
  })

  test('what stands behind STARTTLS in the same packet is thrown away, and the session begins anew', async () => {
    for (const injected of ['EHLO evil.example\r\n', 'NOOP\r\n', `${plainOf(device.smtp)}\r\n`, 'RSET\r\nQUIT\r\n']) {
      const smtp = await openSmtp(device.smtp, 'plain')
      smtp.wire.write(`STARTTLS\r\n${injected}`)
      expect(await smtp.readReply()).toMatch(/^220/)
      try {
        await smtp.wire.startTls()
      } catch {
        // Ended instead: right too.
        continue
      }
      // The first thing that is said inside is the answer to the first thing that was asked inside.
      expect(await smtp.command('AUTH PLAIN')).toMatch(/^503 /)
      expect(await smtp.command('EHLO inside.example')).toMatch(/^250-/)
      expect(await smtp.command('NOOP')).toMatch(/^250/)
      smtp.destroy()
    }
  })

  test('STARTTLS with a parameter, twice, or on a connection that has TLS', async () => {
    const smtp = await openSmtp(device.smtp, 'plain')
    expect(await smtp.command('STARTTLS now')).toMatch(/^50[01] /)
    expect(await smtp.command('NOOP')).toMatch(/^250/)
    smtp.destroy()
    const inside = await openSmtp(device.smtp, 'starttls')
    expect(await inside.command('EHLO x.example')).not.toContain('STARTTLS')
    expect(await inside.command('STARTTLS')).toMatch(/^50[023] /)
    expect(await inside.command(plainOf(device.smtp))).toMatch(/^235/)
    inside.destroy()
  })

  test('a client that does not begin the handshake, or begins with something else', async () => {
    const smtp = await openSmtp(device.smtp, 'plain')
    await smtp.expect('220', 'STARTTLS')
    smtp.wire.write('EHLO this is no handshake\r\n'.repeat(10))
    expect(await smtp.wire.readToEnd()).not.toContain('250')
    smtp.destroy()
  })
})

describe('AUTH', () => {
  let smtp: RawSmtp
  const open = async () => {
    smtp?.destroy()
    smtp = await openSmtp(device.smtp)
    return smtp
  }

  test('PLAIN and LOGIN, with and without initial response', async () => {
    const { user: login, password } = device.smtp
    const plain = base64(`\0${login}\0${password}`)
    const withAuthzid = base64(`${login}\0${login}\0${password}`)
    const exchanges: readonly (readonly string[])[] = [
      [`AUTH PLAIN ${plain}`],
      [`auth plain ${withAuthzid}`],
      ['AUTH PLAIN', plain],
      ['AUTH LOGIN', base64(login), base64(password)],
      [`AUTH LOGIN ${base64(login)}`, base64(password)],
    ]
    for (const lines of exchanges) {
      await open()
      for (const line of lines.slice(0, -1)) expect(await smtp.command(line)).toMatch(/^334 /)
      expect(await smtp.command(lines.at(-1) ?? '')).toMatch(/^235 2\.7\.0 /)
    }
  })

  test('the challenges of LOGIN are those that apps look for', async () => {
    await open()
    expect(await smtp.command('AUTH LOGIN')).toBe('334 VXNlcm5hbWU6\r\n')
    expect(await smtp.command(base64(user))).toBe('334 UGFzc3dvcmQ6\r\n')
    expect(await smtp.command('*')).toMatch(/^501 /)
  })

  test('* cancels, at every question', async () => {
    await open()
    for (const lines of [['AUTH PLAIN'], ['AUTH LOGIN'], ['AUTH LOGIN', base64(user)]]) {
      for (const line of lines) expect(await smtp.command(line)).toMatch(/^334 /)
      expect(await smtp.command('*')).toMatch(/^501 5\.\d\.\d /)
    }
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^235/)
  })

  test.each([
    ['no base64 at all', ['AUTH PLAIN !!!!']],
    ['cut padding', [`AUTH PLAIN ${enc('\0a@example.com\0x')}`]],
    ['the URL alphabet', ['AUTH PLAIN AGE_-A==']],
    ['white space in it', ['AUTH PLAIN', 'AGEA YWI=']],
    ['in LOGIN', ['AUTH LOGIN', 'not base64!']],
    ['in the password of LOGIN', ['AUTH LOGIN', base64(user), 'not base64!']],
    ['one argument too many', ['AUTH PLAIN AGEAYg== AGEAYg==']],
    ['no mechanism', ['AUTH']],
    ['without NULs', [`AUTH PLAIN ${base64('no nuls')}`], /^535 5\.7\.8 /],
    ['three NULs', [`AUTH PLAIN ${base64('\0a\0b\0c')}`], /^535 5\.7\.8 /],
    ['an empty name', [`AUTH PLAIN ${base64('\0\0password')}`], /^535 5\.7\.8 /],
    ['nothing', ['AUTH PLAIN ='], /^535 5\.7\.8 /],
    ['an empty line', ['AUTH PLAIN', ''], /^535 5\.7\.8 /],
  ] as [string, string[], RegExp?][])('malformed: %s', async (_name, lines, reply = /^50[01] 5\.5\.[24] /) => {
    await open()
    for (const line of lines.slice(0, -1)) expect(await smtp.command(line)).toMatch(/^334 /)
    expect(await smtp.command(lines.at(-1) ?? '')).toMatch(reply)
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^235/)
  })

  test('mechanisms that are not offered', async () => {
    await open()
    for (const mechanism of ['CRAM-MD5', 'XOAUTH2', 'DIGEST-MD5', 'ANONYMOUS', 'EXTERNAL', '__proto__', 'constructor'])
      expect(await smtp.command(`AUTH ${mechanism} AAAA`), mechanism).toMatch(/^504 5\.5\.4 /)
  })

  test('a line of 12,288 octets is read; a longer one ends the connection, and not the gateway', async () => {
    await open()
    const line = `AUTH PLAIN ${'A'.repeat(12_288 - 'AUTH PLAIN \r\n'.length)}`
    expect(line.length + 2).toBe(12_288)
    expect(await smtp.command(line)).toMatch(/^(?:501|535) /)
    expect(await smtp.command('AUTH PLAIN')).toMatch(/^334 /)
    expect(await smtp.command('A'.repeat(12_284))).toMatch(/^(?:501|535) /)
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^235/)
    await open()
    smtp.wire.write(`AUTH PLAIN ${'A'.repeat(1_000_000)}\r\n`)
    expect(await smtp.wire.readToEnd()).toMatch(/^5\d\d |^421 |^$/)
  })

  test('MAIL, RCPT and DATA before it: 530', async () => {
    await open()
    for (const line of [`MAIL FROM:<${user}>`, `RCPT TO:<${user}>`, 'DATA']) expect(await smtp.command(line), line).toMatch(/^530 5\.7\.0 /)
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^235/)
  })

  test('EHLO after it gives the list that was given before', async () => {
    await open()
    const before = await smtp.command('EHLO list.example')
    // Learnt from the upstream by earlier logins.
    for (const keyword of ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'DSN', 'ENHANCEDSTATUSCODES', 'SIZE 35882577', 'AUTH PLAIN LOGIN'])
      expect(before).toMatch(new RegExp(`^250[ -]${keyword}\r$`, 'm'))
    for (const keyword of ['CHUNKING', 'BINARYMIME', 'XCLIENT', 'XFORWARD', 'ETRN', 'BURL', 'STARTTLS', 'VRFY']) expect(before).not.toContain(keyword)
    await smtp.expect('235', plainOf(device.smtp))
    const lines = (text: string) =>
      text
        .split('\r\n')
        .slice(1)
        .map(line => line.slice(4))
        .sort()
    expect(lines(await smtp.command('EHLO list.example'))).toEqual(lines(before))
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^503 /)
    expect(await smtp.command('STARTTLS')).toMatch(/^503 /)
    expect(await smtp.command('NOOP')).toMatch(/^250/)
  })

  test('what is pipelined behind AUTH ends the connection, and nothing of it reaches the upstream', async () => {
    await open()
    const before = upstream.commands.length
    smtp.wire.write(`${plainOf(device.smtp)}\r\nMAIL FROM:<${user}>\r\nRCPT TO:<${user}>\r\nDATA\r\n`)
    expect(await smtp.wire.readToEnd()).toMatch(/^421 /)
    expect(upstream.commands.slice(before).filter(line => /^(?:MAIL|RCPT|DATA)/.test(line))).toEqual([])
  })
})

describe('who is not let in', () => {
  const tryLogin = async (login: string, password: string) => {
    registerSecret(password)
    const smtp = await openSmtp(device.smtp)
    const reply = await smtp.command(plainOf({ user: login, password }))
    smtp.destroy()
    return reply
  }

  test('a wrong password, an unknown address, a revoked device, a strange network: the same bytes', async () => {
    const revoked = await gateway.addDevice(user, 'Revoked')
    await gateway.mailwicket.json(['device', 'revoke', revoked.device.id])
    const elsewhere = await gateway.addDevice(user, 'Elsewhere', ['--allow-from', '192.0.2.0/24'])
    const replies = await Promise.all([
      tryLogin(user, 'k7mq-x2pd-9rtf-h4wz-c8nb'),
      tryLogin(user, 'a chosen one, but wrong'),
      tryLogin('nobody@example.com', device.smtp.password),
      tryLogin(user, revoked.smtp.password),
      tryLogin(user, elsewhere.smtp.password),
    ])
    expect(replies[0]).toMatch(/^535 5\.7\.8 /)
    expect(new Set(replies)).toEqual(new Set([replies[0]]))
  })

  test('an expired device, and one without the scope, hear so with the right password only', async () => {
    const reader = await gateway.addDevice(user, 'Reader', ['--scope', 'imap'])
    expect(await tryLogin(user, reader.smtp.password)).toMatch(/^535 5\.7\.8 /)
    const short = await gateway.addDevice(user, 'Short', ['--expires', '1s'])
    const reply = await waitFor('the expiry', 10_000, async () => {
      const answer = await tryLogin(user, short.smtp.password)
      return !answer.startsWith('235') && answer
    })
    expect(reply).toMatch(/^535 5\.7\.8 .*expired/)
  })

  test('one who wants to act as somebody else', async () => {
    const smtp = await openSmtp(device.smtp)
    expect(await smtp.command(`AUTH PLAIN ${base64(`other@example.com\0${user}\0${device.smtp.password}`)}`)).toMatch(/^535 5\.7\.8 /)
    smtp.destroy()
  })

  test('after ten wrong ones the connection ends', async () => {
    const smtp = await openSmtp(device.smtp)
    const wrong = plainOf({ user, password: 'wrong again and again' })
    for (let count = 1; count <= 10; count += 1) expect(await smtp.command(wrong)).toMatch(/^535 /)
    expect(await smtp.wire.readToEnd()).toMatch(/^421 4\.7\.0 /)
  })
})

describe('nonsense', () => {
  test('a command line without end is not kept', async () => {
    const smtp = await openSmtp(device.smtp)
    expect(await inspector.peakDuring(async () => expect(await smtp.sendEndlessLine()).toMatch(/^5\d\d |^421 |^$/))).toBeLessThan(10_000_000)
  })

  test('many short commands without end', async () => {
    const smtp = await openSmtp(device.smtp)
    for (let count = 0; count < 200 && !smtp.wire.isEnded; count += 1) await smtp.wire.writeAll('NOOP\r\n'.repeat(1000))
    expect(await smtp.wire.readToEnd()).toMatch(/\r\n(?:421|5\d\d) [^\r\n]*\r\n$/)
  })

  test('unknown commands, NULs, bare line ends: refused, and after some of them the connection ends', async () => {
    const smtp = await openSmtp(device.smtp)
    const replies: string[] = []
    for (const line of [
      'XYZZY',
      '\0\0\0',
      'GET / HTTP/1.1',
      'MAIL',
      'constructor',
      '__proto__',
      'XCLIENT ADDR=1.2.3.4',
      'ETRN x',
      'BDAT 10 LAST',
      'EXPN x',
      'a b c',
    ]) {
      const reply = await smtp.command(line)
      replies.push(reply)
      if (smtp.wire.isEnded) break
    }
    for (const reply of replies) expect(reply).toMatch(/^(?:5\d\d |421 |$)/)
    expect(replies.length).toBeLessThanOrEqual(11)
    smtp.destroy()
  })

  test('a web browser', async () => {
    const smtp = await openSmtp(device.smtp)
    smtp.wire.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30\r\n\r\nEHLO x\r\nMAIL FROM:<a@example.com>\r\n`)
    expect(await smtp.readReply()).toMatch(/^5|^421/)
    smtp.destroy()
  })
})

test('a client that leaves in each state leaves nothing behind', async () => {
  const files = () => gateway.mailwicket.openFileCount()
  const settled = files()
  const steps = ['EHLO x.example', 'AUTH LOGIN', base64(user), base64(device.smtp.password)]
  for (const leave of ['end', 'destroy'] as const) {
    for (let count = 0; count <= steps.length; count += 1) {
      const smtp = await openSmtp(device.smtp)
      for (const step of steps.slice(0, count)) await smtp.command(step)
      smtp.wire[leave]()
    }
    // Without a reply in between, and in the middle of a line.
    for (const text of ['', 'EH', 'EHLO x\r\nAUTH PL', `${plainOf(device.smtp)}`, `${plainOf(device.smtp)}\r\n`]) {
      const smtp = await openSmtp(device.smtp)
      await smtp.wire.writeAll(text)
      smtp.wire[leave]()
    }
    // Before the handshake, and in it.
    for (const port of [device.smtp.port, device.smtp.starttlsPort]) {
      const socket = connect({ host: '127.0.0.1', port })
      await new Promise(resolve => socket.once('connect', resolve))
      socket.write('\x16\x03\x01\x02\x00')
      socket[leave]()
    }
  }
  await waitFor('all sockets are gone', 10_000, () => files() <= settled)
  expect(await bystander.command('NOOP')).toMatch(/^250/)
})

test('one line of the log for each attempt, one for each end', async () => {
  await waitFor('all ends', 5000, () => gateway.mailwicket.log.filter(({ event }) => event === 'session.end').length > 50)
  const byId = Map.groupBy(
    gateway.mailwicket.log.filter(({ event, proto }) => event === 'session.end' && proto === 'submission'),
    line => line.cid,
  )
  for (const [cid, lines] of byId) expect(lines, String(cid)).toHaveLength(1)
})

describe('no upstream', () => {
  test('down: 454 4.7.0, and the password is not called wrong', async () => {
    await upstream.close()
    const smtp = await openSmtp(device.smtp)
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^454 4\.7\.0 /)
    // The connection lives, and a wrong password is still a wrong one.
    expect(await smtp.command(plainOf({ user, password: 'wrong again and again' }))).toMatch(/^535 5\.7\.8 /)
    await upstream.reopen()
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^235/)
    smtp.destroy()
  })
})
