/** Who is slow: every wait for a client or for the end of a session is bounded. With deadlines of seconds where the product has up to a minute. */
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, openRawImap, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { inTime } from '../fixtures/deadline.ts'
import { type HostileConnection, HostileUpstream } from '../fixtures/misbehaving/hostile-upstream.ts'
import { Inspector } from '../fixtures/program/inspector.ts'
import { Mailwicket } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

/** Long enough for everybody to connect on a busy machine. */
const limits = { tlsHandshakeMs: 3_000, loginMs: 8_000, halfOpenMs: 3_000 }
let dovecot: Dovecot
let upstream: HostileUpstream
let gateway: Mailwicket
let account: ImapAccount
let inspector: Inspector

beforeAll(async () => {
  // Only its certificate is needed, and its readiness to be one more thing that works meanwhile.
  dovecot = await Dovecot.open({ users: { 'reader@example.com': 'upstream-secret-1' } })
  upstream = await HostileUpstream.open(dovecot.certificate)
  gateway = await Mailwicket.open({ upstreams: [{ name: 'main', domains: ['example.com'], address: `127.0.0.1:${upstream.port}`, tls: 'none' }] })
  await gateway.addMailbox('reader@example.com', 'upstream-secret-1', ['--no-verify'])
  const device = await gateway.addDevice('reader@example.com', 'Slow')
  await gateway.serve([], limits)
  inspector = await Inspector.open(gateway)
  account = gateway.account('reader@example.com', device.password)
})

afterAll(async () => {
  inspector?.close()
  await gateway?.close()
  await upstream?.close()
  await dovecot?.stop()
})

/** Lets everybody in, then hands the connection over. */
async function letIn(connection: HostileConnection): Promise<void> {
  connection.say('* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready\r\n')
  connection.say(`${await connection.tag()} OK [CAPABILITY IMAP4rev1] in\r\n`)
}

/** Seconds until the gateway ended this connection, and what it said. */
async function secondsToEnd(imap: RawImap, start: number): Promise<{ seconds: number; said: string }> {
  const said = await imap.readToEnd(80_000)
  return { seconds: (performance.now() - start) / 1000, said }
}

test.concurrent('connections that do nothing, or nothing in time', async () => {
  const start = performance.now()
  const plain = async (port: number) => await openRawImap({ host: '127.0.0.1', port, tls: 'none' })

  const noHandshake = await plain(account.port)
  const noHandshakeAfterStartTls = await plain(account.starttlsPort)
  noHandshakeAfterStartTls.write('a STARTTLS\r\n')
  const noLogin = await openImaps(account)
  const noLoginBeforeTls = await plain(account.starttlsPort)
  const dripping = await openImaps(account)
  const drip = setInterval(() => dripping.write('x'), 500)
  const busyWithNothing = await openImaps(account)
  const noops = setInterval(() => busyWithNothing.write('n NOOP\r\n'), 1000)

  const ends = await Promise.all(
    [noHandshake, noHandshakeAfterStartTls, noLogin, noLoginBeforeTls, dripping, busyWithNothing].map(imap => secondsToEnd(imap, start)),
  )
  clearInterval(drip)
  clearInterval(noops)
  for (const { seconds, said } of ends.slice(0, 2)) {
    expect(seconds * 1000).toBeGreaterThan(limits.tlsHandshakeMs - 100)
    expect(seconds * 1000).toBeLessThan(inTime(limits.tlsHandshakeMs + 3_000))
    expect(said).not.toContain('BYE')
  }
  for (const { seconds, said } of ends.slice(2)) {
    expect(seconds * 1000).toBeGreaterThan(limits.loginMs - 100)
    expect(seconds * 1000).toBeLessThan(inTime(limits.loginMs + 3_000))
    expect(said).toMatch(/^\* BYE/m)
  }
})

test.concurrent('after the end of one side the other has some time, and can use it', async () => {
  // The app ends; the upstream still talks, and never ends.
  let talk: HostileConnection | undefined
  let client: RawImap | undefined
  await upstream.meet(
    async connection => {
      await letIn(connection)
      talk = connection
    },
    () => void logIn(account).then(imap => (client = imap)),
  )
  while (client === undefined) await new Promise(resolve => setImmediate(resolve))
  const start = performance.now()
  client.end()
  expect(await talk?.line().catch(() => 'ended')).toBe('ended')
  talk?.say('* 1 EXISTS\r\n')
  expect(await client.readLine()).toBe('* 1 EXISTS')
  await client.readToEnd(40_000)
  const seconds = (performance.now() - start) / 1000
  expect(seconds * 1000).toBeGreaterThan(limits.halfOpenMs - 100)
  expect(seconds * 1000).toBeLessThan(inTime(limits.halfOpenMs + 3_000))
})

test('an app that does not read holds no memory, only its own session', async () => {
  let sent: (() => number) | undefined
  let client: RawImap | undefined
  const record = await upstream.meet(
    async connection => {
      await letIn(connection)
      await connection.flood(Buffer.alloc(65_536, 'x'), 1e9)
    },
    () =>
      void logIn(account).then(imap => {
        imap.socket.pause()
        client = imap
      }),
  )
  sent = () => record.sentBytes
  const before = await inspector.readUsedBytes()
  // It stops when the buffers of kernel and TLS are full: nothing moves for a second.
  let last = -1
  let still = 0
  while (still < 20) {
    await new Promise(resolve => setTimeout(resolve, 50))
    still = sent() === last ? still + 1 : 0
    last = sent()
  }
  expect(last).toBeLessThan(40_000_000)
  // The upstream has a gigabyte for it.
  expect((await inspector.readUsedBytes()) - before).toBeLessThan(8_000_000)
  client?.destroy()
})

test('a listener takes thousands of silent connections and goes on', async () => {
  const silent = await Promise.all(
    Array.from({ length: 1500 }, async () => {
      const socket = connect({ host: '127.0.0.1', port: account.port })
      socket.on('error', () => {})
      await new Promise(resolve => socket.once('connect', resolve))
      return socket
    }),
  )
  const imap = await openImaps(account)
  await imap.ok('NOOP')
  imap.destroy()
  for (const socket of silent) socket.destroy()
})
