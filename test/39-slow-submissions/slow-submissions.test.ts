/** Slow clients and silent upstreams of a submission: every wait before login is bounded, and the app hears why. With deadlines of seconds where the product has up to a minute. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, openSmtp, plainOf, RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { inTime, waitFor } from '../fixtures/deadline.ts'
import { ScriptedSmtp, type Step } from '../fixtures/misbehaving/scripted-smtp.ts'
import { type SubmissionDevice, SubmissionGateway } from '../fixtures/program/submission-stage.ts'

/** Long enough for everybody to connect on a busy machine. */
const limits = { tlsHandshakeMs: 3_000, loginMs: 8_000, upstreamLoginMs: 3_000, refusalQuietMs: 500 }
const steps: readonly Step[] = ['greeting', 'EHLO', 'AUTH']
const upstreams: ScriptedSmtp[] = []
const writer = 'writer@obliging.example'
const devices = new Map<Step, SubmissionDevice>()
let gateway: SubmissionGateway
/** Takes every message, or says nothing of it and goes. */
let obliging: ScriptedSmtp
let sender: SubmissionDevice

beforeAll(async () => {
  for (const silentAt of steps) upstreams.push(await ScriptedSmtp.open(step => (step === silentAt ? { next: 'nothing' } : undefined)))
  obliging = await ScriptedSmtp.open()
  gateway = await SubmissionGateway.open([
    ...upstreams.map((upstream, index) => upstream.asUpstream({ name: `silent-${index}`, domains: [`silent-${index}.example`] })),
    obliging.asUpstream({ name: 'obliging', domains: ['obliging.example'] }),
  ])
  await gateway.serve(limits)
  for (const [index, step] of steps.entries()) {
    const address = `reader@silent-${index}.example`
    await gateway.mailwicket.addMailbox(address, `upstream/marker+${index}`, ['--no-verify'])
    devices.set(step, await gateway.addDevice(address, 'Slow'))
  }
  await gateway.mailwicket.addMailbox(writer, 'upstream/marker+obliging', ['--no-verify'])
  sender = await gateway.addDevice(writer, 'Scanner')
})

afterAll(async () => {
  await gateway?.mailwicket.close()
  for (const upstream of [...upstreams, obliging]) await upstream?.close()
})

/** Seconds until the gateway ended this connection, and what it said. */
async function secondsToEnd(smtp: RawSmtp, start: number): Promise<{ seconds: number; said: string }> {
  const said = await smtp.wire.readToEnd(90_000)
  return { seconds: (performance.now() - start) / 1000, said }
}

function deviceOf(step: Step): SubmissionDevice {
  const device = devices.get(step)
  if (device === undefined) throw new Error(step)
  return device
}

test.concurrent('connections that do nothing, or nothing in time', async () => {
  const account = deviceOf('greeting').smtp
  const start = performance.now()
  const noHandshake = new RawSmtp(await openRawImap({ host: '127.0.0.1', port: account.port, tls: 'none' }))
  const noHandshakeAfterStarttls = await openSmtp(account, 'plain')
  await noHandshakeAfterStarttls.expect('220', 'STARTTLS')
  const beforeTls = await openSmtp(account, 'plain')
  const beforeLogin = await openSmtp(account)
  const inLogin = await openSmtp(account)
  await inLogin.expect('334', 'AUTH LOGIN')
  const dripping = await openSmtp(account)
  const drip = setInterval(() => dripping.wire.write('x'), 500)
  const busyWithNothing = await openSmtp(account)
  const noops = setInterval(() => busyWithNothing.wire.write('NOOP\r\n'), 2000)

  const all = [noHandshake, noHandshakeAfterStarttls, beforeTls, beforeLogin, inLogin, dripping, busyWithNothing]
  const ends = await Promise.all(all.map(smtp => secondsToEnd(smtp, start)))
  clearInterval(drip)
  clearInterval(noops)
  for (const { seconds } of ends.slice(0, 2)) expect(seconds * 1000).toBeLessThan(inTime(limits.tlsHandshakeMs + 3_000))
  for (const { seconds, said } of ends.slice(2)) {
    expect(seconds * 1000).toBeGreaterThan(limits.loginMs - 500)
    expect(seconds * 1000).toBeLessThan(inTime(limits.loginMs + 3_000))
    expect(said).toMatch(/(?:^|\r\n)421 4\.7\.0 [^\r\n]+\r\n$/)
  }
})

test.concurrent.each(steps)('an upstream that is silent at %s: 454 before the app gives up', async step => {
  const device = deviceOf(step)
  const smtp = await openSmtp(device.smtp)
  const start = performance.now()
  expect(await smtp.command(plainOf(device.smtp), 40_000)).toMatch(/^454 4\.7\.0 /)
  expect(performance.now() - start).toBeLessThan(inTime(limits.upstreamLoginMs + 3_000))
  expect(await smtp.command('NOOP')).toMatch(/^250/)
  smtp.destroy()
})

/** Up to the message itself. */
async function beginMessage(): Promise<RawSmtp> {
  const smtp = await logInSmtp(sender.smtp)
  await smtp.expect('250', `MAIL FROM:<${writer}>`)
  await smtp.expect('250', 'RCPT TO:<to@example.com>')
  await smtp.expect('354', 'DATA')
  return smtp
}

test('an old scanner that ends its message with LF . LF and waits: 554 in time, and the log says at once what was refused', async () => {
  const smtp = await beginMessage()
  smtp.wire.write(`From: ${writer}\nSubject: scan\n\nscan\n.\n`)
  const refused = await waitFor('the line', 10_000, () => gateway.logOf('mail.refused').at(-1))
  expect(refused).toMatchObject({ what: 'message', reply: expect.stringMatching(/^554 5\.6\.0 /) })
  expect(await smtp.wire.readToEnd()).toMatch(/554 5\.6\.0 [^\r]+\r\n421 [^\r]+\r\n$/)
  const end = await waitFor('the end', 10_000, () => gateway.logOf('session.end').find(({ cid }) => cid === refused.cid))
  expect(end.why).toBe('look-alike-end')
  expect(gateway.logOf('upstream.failed').filter(({ cid }) => cid === refused.cid)).toEqual([])
})

test.each(['end', 'reset'] as const)('a server that goes without a word after the end of a message (%s): 451, and a line of its own', async next => {
  const before = gateway.logOf('mail.uncertain').length
  obliging.script = step => (step === 'data' ? { next } : undefined)
  const smtp = await beginMessage()
  smtp.wire.write(`From: ${writer}\r\n\r\nhello\r\n.\r\n`)
  expect(await smtp.wire.readToEnd()).toMatch(/^451 4\.4\.2 (?![^\r]*not accepted)/m)
  const { sender: from, recipients, why } = await waitFor('the line', 10_000, () => gateway.logOf('mail.uncertain')[before])
  expect({ from, recipients, why }).toEqual({ from: writer, recipients: ['to@example.com'], why: 'upstream-closed' })
  obliging.script = undefined
})
