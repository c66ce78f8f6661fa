/** 3,000 connections that say nothing, a byte a second, or half a handshake: apps log in meanwhile, and at their deadline all of them are gone. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runChild } from '../fixtures/child-process.ts'
import { CUT_CLIENT_HELLO, Flood, type FloodKind } from '../fixtures/clients/flood.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp } from '../fixtures/clients/raw-smtp.ts'
import { inTime, waitFor } from '../fixtures/deadline.ts'
import { Inspector } from '../fixtures/program/inspector.ts'
import { type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'

const user = 'reader@example.com'
/** 20 and 60 in the product; and what a busy machine adds. */
const [handshakeSeconds, loginSeconds, slackSeconds] = [8, 16, 10]
let stage: SubmissionStage
let inspector: Inspector
let phone: SubmissionDevice

beforeAll(async () => {
  stage = await SubmissionStage.open({ users: [user] })
  await stage.gateway.mailwicket.stopServe()
  await stage.gateway.mailwicket.serve([], {
    tlsHandshakeMs: handshakeSeconds * 1000,
    loginMs: loginSeconds * 1000,
    loginLeastMs: handshakeSeconds * 1000,
  })
  inspector = await Inspector.open(stage.gateway.mailwicket)
  phone = await stage.gateway.addDevice(user, 'Phone')
})

afterAll(async () => {
  inspector?.close()
  await stage?.close()
})

async function everybodyWorks(): Promise<void> {
  const imap = await logIn(phone.imap)
  await imap.ok('SELECT INBOX')
  await imap.ok('LOGOUT')
  imap.destroy()
  for (const transport of ['implicit', 'starttls'] as const) {
    const smtp = await logInSmtp(phone.smtp, transport)
    await smtp.expect('250', 'NOOP')
    smtp.destroy()
  }
}

test('floods that want nothing', async () => {
  const { mailwicket } = stage.gateway
  const { imap, smtp } = phone
  const kinds: (FloodKind & { readonly deadlineSeconds: number })[] = [
    { name: 'silent, imap', port: imap.starttlsPort, count: 300, deadlineSeconds: loginSeconds },
    { name: 'silent, submission', port: smtp.starttlsPort, count: 200, deadlineSeconds: loginSeconds },
    { name: 'silent behind TLS, imap', port: imap.port, count: 100, tls: true, deadlineSeconds: loginSeconds },
    { name: 'silent behind TLS, submission', port: smtp.port, count: 100, tls: true, deadlineSeconds: loginSeconds },
    { name: 'silent where TLS begins', port: imap.port, count: 300, deadlineSeconds: handshakeSeconds },
    { name: 'a byte a second, imap', port: imap.starttlsPort, count: 300, everySecond: 'x', deadlineSeconds: loginSeconds },
    { name: 'a byte a second, submission', port: smtp.starttlsPort, count: 300, everySecond: 'x', deadlineSeconds: loginSeconds },
    { name: 'a byte a second behind TLS, imap', port: imap.port, count: 100, tls: true, everySecond: 'x', deadlineSeconds: loginSeconds },
    // The first octets of a record that never ends: 0x16, again and again.
    { name: 'a byte a second in the handshake', port: smtp.port, count: 300, everySecond: '\x16', deadlineSeconds: handshakeSeconds },
    { name: 'half a handshake, imap', port: imap.port, count: 400, says: [CUT_CLIENT_HELLO], deadlineSeconds: handshakeSeconds },
    { name: 'half a handshake, submission', port: smtp.port, count: 200, says: [CUT_CLIENT_HELLO], deadlineSeconds: handshakeSeconds },
    {
      name: 'half a handshake after STARTTLS, imap',
      port: imap.starttlsPort,
      count: 200,
      says: ['a STARTTLS\r\n', CUT_CLIENT_HELLO],
      // So long before the greeting, for its turn among unknown networks, and so long for the handshake that STARTTLS begins.
      deadlineSeconds: 2 * handshakeSeconds,
    },
    {
      name: 'half a handshake after STARTTLS, submission',
      port: smtp.starttlsPort,
      count: 200,
      says: ['EHLO flood.example\r\n', 'STARTTLS\r\n', CUT_CLIENT_HELLO],
      deadlineSeconds: 2 * handshakeSeconds,
    },
  ]
  const total = kinds.reduce((sum, { count }) => sum + count, 0)
  // Everything that is opened once, or grows once, is there.
  await everybodyWorks()
  await waitFor('no session', 10_000, async () => (await mailwicket.listSessions()).length === 0, 200)
  const used = await inspector.readUsedBytes()
  const files = mailwicket.openFileCount()

  const flood = new Flood()
  try {
    for (const kind of kinds) await flood.open(kind)
    const usedAtPeak = await inspector.readUsedBytes()
    const curl = ['--silent', '--show-error', '--cacert', imap.ca, '--user', `${user}:${imap.password}`, `imaps://localhost:${imap.port}/`]
    let rounds = 0
    while (flood.openCount > 0 && rounds < 1000) {
      await everybodyWorks()
      const listed = await runChild('curl', curl)
      expect(`${listed.code} ${listed.stdout} ${listed.stderr}`).toMatch(/^0 [\s\S]*LIST/)
      rounds += 1
    }
    console.info(`${rounds} rounds of logins during the flood`)
    for (const { name, count, deadlineSeconds } of kinds) {
      const lifetimes = flood.lifetimes.get(name) ?? []
      expect(lifetimes, name).toHaveLength(count)
      expect(Math.max(...lifetimes), name).toBeLessThan(deadlineSeconds + inTime(slackSeconds))
    }
    await waitFor('as many open files as before', 10_000, () => mailwicket.openFileCount() === files)
    const usedAfter = await inspector.readUsedBytes()
    const mebibytes = (value: number) => `${(value / 2 ** 20).toFixed(0)} MiB`
    console.info(`reachable: ${mebibytes(used)} before, ${mebibytes(usedAtPeak)} with ${total} of them, ${mebibytes(usedAfter)} after`)
    // One that kept as much as a line or a TLS record (16 KiB) for each of them would need as much again.
    expect((usedAtPeak - used) / total).toBeLessThan(32 * 1024)
    expect(usedAfter).toBeLessThan(used * 1.15)
    expect(mailwicket.log.filter(line => line.event === 'bug')).toEqual([])
  } finally {
    flood.close()
  }
})
