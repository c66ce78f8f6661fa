/** Clients that leave and upstreams that leave, in every state of a session: the right reply, no 250 that the upstream did not say, nothing left behind. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { logInSmtp, openSmtp, plainOf, type RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { waitFor, within } from '../fixtures/deadline.ts'
import { type Act, type Script, ScriptedSmtp, type Step } from '../fixtures/misbehaving/scripted-smtp.ts'
import { Inspector } from '../fixtures/program/inspector.ts'
import { type SubmissionDevice, SubmissionGateway } from '../fixtures/program/submission-stage.ts'

const user = 'reader@example.com'
const neighbour = 'neighbour@example.net'
const mail = `MAIL FROM:<${user}>`
const rcpt = `RCPT TO:<${user}>`
const text = 'Subject: x\r\n\r\ntext\r\n'
let upstream: ScriptedSmtp
let otherUpstream: ScriptedSmtp
let gateway: SubmissionGateway
let device: SubmissionDevice
let bystander: RawSmtp
let inspector: Inspector
let settledFiles: number

beforeAll(async () => {
  upstream = await ScriptedSmtp.open()
  otherUpstream = await ScriptedSmtp.open()
  gateway = await SubmissionGateway.open([upstream.asUpstream(), otherUpstream.asUpstream({ name: 'other', domains: ['example.net'] })])
  await gateway.mailwicket.addMailbox(user, 'upstream/marker+secret', ['--no-verify'])
  await gateway.mailwicket.addMailbox(neighbour, 'upstream/marker+other', ['--no-verify'])
  await gateway.serve()
  device = await gateway.addDevice(user, 'App')
  bystander = await logInSmtp((await gateway.addDevice(neighbour, 'App')).smtp)
  inspector = await Inspector.open(gateway.mailwicket)
  settledFiles = gateway.mailwicket.openFileCount()
})

afterAll(async () => {
  bystander?.destroy()
  inspector?.close()
  await gateway?.mailwicket.close()
  await upstream?.close()
  await otherUpstream?.close()
})

beforeEach(() => {
  upstream.script = undefined
})

/** After each case no connection is left on either side, and the session of somebody else has gone on. */
afterEach(async () => {
  upstream.script = undefined
  await upstream.waitForNoConnection()
  await waitFor('the files of the gateway', 5000, () => gateway.mailwicket.openFileCount() <= settledFiles)
  expect(await bystander.send(neighbour, [neighbour], text)).toMatch(/^250/)
})

const accepted = () => gateway.logOf('mail.accepted').filter(line => line.device === device.device.id).length
const when =
  (step: Step, act: Act): Script =>
  at =>
    at === step ? act : undefined

const leavings = { FIN: { next: 'end' }, RST: { next: 'reset' } } as const

describe.each(['FIN', 'RST'] as const)('an upstream that leaves by %s', way => {
  const leave = leavings[way]

  test.each(['greeting', 'EHLO', 'AUTH'])('at %s: 454, and the next login is tried afresh', async step => {
    upstream.script = when(step, leave)
    const smtp = await openSmtp(device.smtp)
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^454 4\.7\.0 /)
    upstream.script = undefined
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^235/)
    expect(await smtp.send(user, [user], text)).toMatch(/^250/)
    smtp.destroy()
  })

  test.each([
    ['MAIL', [mail]],
    ['RCPT', [mail, rcpt]],
    ['DATA', [mail, rcpt, 'DATA']],
    ['RSET', ['RSET']],
    ['NOOP', ['NOOP']],
  ] as const)('at %s: 421, and nothing was accepted', async (step, lines) => {
    upstream.script = when(step, leave)
    const smtp = await logInSmtp(device.smtp)
    for (const line of lines.slice(0, -1)) await smtp.expect('250', line)
    expect(await smtp.command(lines.at(-1) ?? '')).toMatch(/^4(?:21|51) 4\.\d\.\d /)
    expect(await smtp.wire.readToEnd()).not.toMatch(/^[23]/m)
  })

  test('while nobody says anything: 421', async () => {
    const smtp = await logInSmtp(device.smtp)
    await smtp.expect('250', mail)
    const socket = upstream.connections.at(-1)?.socket
    if (way === 'FIN') socket?.end()
    else socket?.resetAndDestroy()
    expect(await smtp.wire.readToEnd()).toMatch(/^421 4\.\d\.\d [^\r\n]+\r\n$/)
  })

  test('in the middle of a message: 451 after its end, never a 250', async () => {
    const before = accepted()
    upstream.script = when('payload', leave)
    const smtp = await logInSmtp(device.smtp)
    for (const line of [mail, rcpt]) await smtp.expect('250', line)
    await smtp.expect('354', 'DATA')
    // Still sending when it goes, as a real client is.
    for (let count = 0; count < 40; count += 1) await smtp.wire.writeAll(`${'x'.repeat(1000)}\r\n`.repeat(100))
    smtp.wire.write('.\r\n')
    expect(await smtp.wire.readToEnd()).toMatch(/^451 4\.\d\.\d /)
    expect(accepted()).toBe(before)
  })

  test('after the final dot, before its answer: no 250', async () => {
    const before = accepted()
    upstream.script = when('data', leave)
    const smtp = await logInSmtp(device.smtp)
    const reply = await smtp.send(user, [user], text)
    expect(reply).toMatch(/^4(?:21|51) 4\.\d\.\d /)
    expect(await smtp.wire.readToEnd()).not.toMatch(/^250/m)
    expect(accepted()).toBe(before)
  })

  test('behind the 250: that 250 arrives, then 421', async () => {
    const before = accepted()
    upstream.script = when('data', { say: '250 2.0.0 Ok: the last one\r\n', ...leave, next: 'end' })
    const smtp = await logInSmtp(device.smtp)
    expect(await smtp.send(user, [user], text)).toBe('250 2.0.0 Ok: the last one\r\n')
    expect(await smtp.wire.readToEnd()).toMatch(/^(?:421 [^\r\n]*\r\n)?$/)
    expect(accepted()).toBe(before + 1)
  })

  test('with half a reply: that half is not passed on as a reply', async () => {
    upstream.script = when('data', { say: '250 2.0.0 O', ...leave })
    const smtp = await logInSmtp(device.smtp)
    const before = accepted()
    expect(await smtp.send(user, [user], text)).toMatch(/^4(?:21|51) /)
    expect(accepted()).toBe(before)
    smtp.destroy()
  })

  test('with pipelined commands unanswered: no invented replies', async () => {
    upstream.script = when('RCPT', leave)
    const smtp = await logInSmtp(device.smtp)
    smtp.wire.write(`${mail}\r\n${rcpt}\r\n${rcpt}\r\n${rcpt}\r\nDATA\r\n`)
    expect(await smtp.readReply()).toMatch(/^250/)
    const rest = await smtp.wire.readToEnd()
    expect(rest).not.toMatch(/^[235]/m)
    expect(rest).toMatch(/^4/)
  })
})

test.each([
  ['421 with its own words', '421 4.3.2 scripted.example Going down for maintenance\r\n'],
  ['several lines', '421-4.3.2 scripted.example\r\n421 4.3.2 Going down\r\n'],
])('an upstream that says good-bye: %s', async (_name, lastReply) => {
  upstream.script = when('MAIL', { say: lastReply, next: 'end' })
  const smtp = await logInSmtp(device.smtp)
  expect(await smtp.command(mail)).toBe(lastReply)
  expect(await smtp.wire.readToEnd()).toMatch(/^(?:421 [^\r\n]*\r\n)?$/)
})

test('an upstream that refuses in the middle of a message is heard at its end', async () => {
  const refusal = '552 5.3.4 Message too big for the system\r\n'
  upstream.script = when('payload', { say: refusal, next: 'end' })
  const before = accepted()
  const smtp = await logInSmtp(device.smtp)
  for (const line of [mail, rcpt]) await smtp.expect('250', line)
  await smtp.expect('354', 'DATA')
  for (let count = 0; count < 40; count += 1) await smtp.wire.writeAll(`${'x'.repeat(1000)}\r\n`.repeat(100))
  smtp.wire.write('.\r\n')
  expect(await smtp.readReply()).toBe(refusal)
  expect(await smtp.wire.readToEnd()).not.toMatch(/^2/m)
  expect(accepted()).toBe(before)
})

test.each([
  ['not a reply at all', 'hello there\r\n'],
  ['binary', '\xff\xfe\0\0\r\n'],
  ['a line without end', 'x'.repeat(200_000)],
  ['continuations without end', '250-more\r\n'.repeat(20_000)],
])('an upstream that says %s: no 250 to the app', async (_name, nonsense) => {
  upstream.script = when('data', nonsense)
  const before = accepted()
  const smtp = await logInSmtp(device.smtp)
  await smtp.expect('250', mail)
  await smtp.expect('250', rcpt)
  await smtp.expect('354', 'DATA')
  smtp.wire.write(`${text}.\r\n`)
  expect(await smtp.wire.readToEnd()).toMatch(/^4(?:21|51) /)
  expect(accepted()).toBe(before)
})

test('an upstream that answers what was not asked', async () => {
  upstream.script = when('MAIL', '250 2.1.0 Ok\r\n250 2.0.0 Ok: queued as forged\r\n')
  const before = accepted()
  const smtp = await logInSmtp(device.smtp)
  smtp.wire.write(`${mail}\r\n`)
  expect(await smtp.readReply()).toMatch(/^250 2\.1\.0/)
  smtp.wire.write(`${rcpt}\r\nDATA\r\n`)
  expect(await smtp.wire.readToEnd()).not.toContain('354')
  expect(accepted()).toBe(before)
})

describe.each(['end', 'destroy'] as const)('a client that leaves by %s', way => {
  test.each<readonly [string, readonly string[], string]>([
    ['after AUTH', [], ''],
    ['after MAIL', [mail], ''],
    ['after RCPT', [mail, rcpt], ''],
    ['after DATA', [mail, rcpt, 'DATA'], ''],
    ['in the middle of a command', [mail], 'RCPT TO:<'],
    ['in the middle of a message', [mail, rcpt, 'DATA'], 'Subject: x\r\n\r\nhalf'],
    ['with a bare dot', [mail, rcpt, 'DATA'], 'Subject: x\r\n\r\nhalf\r\n.'],
    ['with a dot and CR', [mail, rcpt, 'DATA'], 'Subject: x\r\n\r\nhalf\r\n.\r'],
  ])('%s: nothing is accepted', async (_name, lines, rest) => {
    const { length } = upstream.messages
    const before = accepted()
    const smtp = await logInSmtp(device.smtp)
    for (const line of lines) await smtp.expect(line === 'DATA' ? '354' : '250', line)
    await smtp.wire.writeAll(rest)
    smtp.wire[way]()
    await upstream.waitForNoConnection()
    expect(upstream.messages).toHaveLength(length)
    expect(accepted()).toBe(before)
  })

  test('right after its final dot: what the upstream accepted is in the log', async () => {
    const { length } = upstream.messages
    const before = accepted()
    const smtp = await logInSmtp(device.smtp)
    for (const line of [mail, rcpt]) await smtp.expect('250', line)
    await smtp.expect('354', 'DATA')
    await smtp.wire.writeAll(`${text}.\r\n`)
    smtp.wire[way]()
    await waitFor('the message', 5000, () => upstream.messages.length > length)
    await waitFor('its line', 5000, () => accepted() > before)
  })
})

test('a client that says QUIT hears the upstream, and both are gone', async () => {
  upstream.script = when('QUIT', { say: '221 2.0.0 Until tomorrow\r\n', next: 'end' })
  const smtp = await logInSmtp(device.smtp)
  smtp.wire.write(`${mail}\r\nRSET\r\nQUIT\r\n`)
  expect(
    (await smtp.wire.readToEnd())
      .split('\r\n')
      .slice(0, 3)
      .map(line => line.slice(0, 3)),
  ).toEqual(['250', '250', '221'])
})

test('a slow client: one byte at a time, and a slow upstream at the same time', async () => {
  const smtp = await logInSmtp(device.smtp)
  const whole = `${mail}\r\n${rcpt}\r\nDATA\r\n`
  for (const byte of whole) await smtp.wire.writeAll(byte)
  expect([await smtp.readReply(), await smtp.readReply(), await smtp.readReply()].map(reply => reply.slice(0, 3))).toEqual(['250', '250', '354'])
  for (const byte of `${text}.\r\n`) await smtp.wire.writeAll(byte)
  expect(await smtp.readReply()).toMatch(/^250/)
  expect(upstream.messages.at(-1)?.toString()).toBe(text)
  smtp.destroy()
})

test('an upstream that does not read stops the client, and memory stays', async () => {
  upstream.script = (step, _line, connection) => {
    if (step !== 'payload') return undefined
    connection.socket.pause()
    return { next: 'nothing' }
  }
  const smtp = await logInSmtp(device.smtp)
  for (const line of [mail, rcpt]) await smtp.expect('250', line)
  await smtp.expect('354', 'DATA')
  const before = await inspector.readUsedBytes()
  let taken = 0
  const chunk = Buffer.from(`${'x'.repeat(998)}\r\n`.repeat(1000))
  for (; taken < 100 && (await isWritten(smtp, chunk)); taken += 1);
  expect(taken).toBeLessThan(60)
  // What was taken waits in the buffers of the kernel, not with us.
  expect((await inspector.readUsedBytes()) - before).toBeLessThan(8_000_000)
  smtp.destroy()
  upstream.connections.at(-1)?.socket.resume()
})

test('a client that does not read stops the upstream, and memory stays', async () => {
  const smtp = await logInSmtp(device.smtp)
  const before = await inspector.readUsedBytes()
  upstream.script = when('HELP', `${`214-${'help '.repeat(190)}\r\n`.repeat(60)}214 done\r\n`)
  smtp.wire.socket.pause()
  let sent = 0
  for (; sent < 400 && (await isWritten(smtp, Buffer.from('HELP\r\n'.repeat(2000)))); sent += 1);
  // The answers to the first 2,000 alone are 100 MB.
  expect((await inspector.readUsedBytes()) - before).toBeLessThan(8_000_000)
  smtp.wire.socket.resume()
  smtp.destroy()
})

test('10,000 recipients, pipelined: every reply in its place, memory flat', async () => {
  const count = 10_000
  const before = await inspector.readUsedBytes()
  upstream.script = (step, line) => (step === 'RCPT' ? `250 2.1.5 ${/<(\d+)@/.exec(line)?.[1]}\r\n` : undefined)
  const smtp = await logInSmtp(device.smtp)
  await smtp.expect('250', mail)
  smtp.wire.write(Array.from({ length: count }, (_, index) => `RCPT TO:<${index}@example.com>\r\n`).join(''))
  const replies = await smtp.wire.readUntil(` ${count - 1}\r\n`, 30_000)
  expect(replies).toBe(Array.from({ length: count }, (_, index) => `250 2.1.5 ${index}\r\n`).join(''))
  await smtp.expect('354', 'DATA')
  smtp.wire.write(text)
  expect(await smtp.command('.')).toMatch(/^250/)
  await waitFor('its line', 5000, () => gateway.logOf('mail.accepted').at(-1)?.recipientCount === count)
  expect((await inspector.readUsedBytes()) - before).toBeLessThan(count * 500)
  smtp.destroy()
})

test('command lines without end after login: refused, and memory stays', async () => {
  const smtp = await logInSmtp(device.smtp)
  const held = await inspector.peakDuring(async () => expect(await smtp.sendEndlessLine()).toMatch(/^5\d\d |^421 |^$/))
  expect(held).toBeLessThan(10_000_000)
})

test('a hundred clients that all leave in the middle of a message: nothing of them stays', async () => {
  const round = async () => {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const smtp = await logInSmtp(device.smtp)
        for (const line of [mail, rcpt]) await smtp.expect('250', line)
        await smtp.expect('354', 'DATA')
        await smtp.wire.writeAll(`${'x'.repeat(998)}\r\n`.repeat(200))
        smtp.destroy()
      }),
    )
    await upstream.waitForNoConnection()
  }
  await round()
  const used = await inspector.readUsedBytes()
  for (let count = 0; count < 5; count += 1) await round()
  // The bystander's. They sent 20 MB.
  await inspector.waitForInstances({ Connection: 1, LiveSession: 1, SmtpSession: 1, SmtpRelay: 1, TLSSocket: 1 })
  expect((await inspector.readUsedBytes()) - used).toBeLessThan(4_000_000)
})

/** Whether the chunk was taken within a moment; a client that is stopped waits for ever. */
async function isWritten(smtp: RawSmtp, chunk: Buffer): Promise<boolean> {
  try {
    await within('the write', 1500, smtp.wire.writeAll(chunk))
    return true
  } catch {
    return false
  }
}
