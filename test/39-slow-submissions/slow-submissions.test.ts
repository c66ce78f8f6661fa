/** Slow clients and silent upstreams of a submission: every wait before login is bounded, and the app hears why. With deadlines of seconds where the product has up to a minute. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTime } from '../fixtures/deadline.ts'
import { openRawImap } from '../fixtures/raw-imap.ts'
import { openSmtp, plainOf, RawSmtp } from '../fixtures/raw-smtp.ts'
import { ScriptedSmtp, type Step } from '../fixtures/scripted-smtp.ts'
import { type SubmissionDevice, SubmissionGateway } from '../fixtures/submission-stage.ts'

/** Long enough for everybody to connect on a busy machine. */
const limits = { tlsHandshakeMs: 3_000, loginMs: 8_000, upstreamLoginMs: 3_000 }
const steps: readonly Step[] = ['greeting', 'EHLO', 'AUTH']
const upstreams: ScriptedSmtp[] = []
const devices = new Map<Step, SubmissionDevice>()
let gateway: SubmissionGateway

beforeAll(async () => {
  for (const silentAt of steps) upstreams.push(await ScriptedSmtp.open(step => (step === silentAt ? { next: 'nothing' } : undefined)))
  gateway = await SubmissionGateway.open(
    upstreams.map((upstream, index) => upstream.asUpstream({ name: `silent-${index}`, domains: [`silent-${index}.example`] })),
  )
  await gateway.serve(limits)
  for (const [index, step] of steps.entries()) {
    const address = `reader@silent-${index}.example`
    await gateway.mailwicket.addMailbox(address, `upstream/marker+${index}`, ['--no-verify'])
    devices.set(step, await gateway.addDevice(address, 'Slow'))
  }
})

afterAll(async () => {
  await gateway?.mailwicket.close()
  for (const upstream of upstreams) await upstream.close()
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
