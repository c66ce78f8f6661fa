/**
 * 2,000 sessions of 200 devices under traffic: 50 devices are revoked by one command, exactly their sessions end, and no other loses a byte.
 * Then upstream, apps and gateway are killed and come back: afterwards the registry, the sockets and the open files agree.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../config/config-load.ts'
import { loadKeyring } from '../../store/keys/master-key.ts'
import { openStore } from '../../store/open-store.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { openSessions, Traffic, type TrafficSession, TrafficUpstream, waitForSameBytes } from '../fixtures/clients/traffic.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { Mailwicket } from '../fixtures/program/mailwicket.ts'

const mailboxes = Array.from({ length: 10 }, (_, index) => `user${index}@example.com`)
const devicesEach = 20
const sessionsEach = 10
const revokedDevices = 50
/** Connections that log in at a time; what is measured is not how fast they come. */
const parallel = 24
/** Chunks of all sessions together: each sends one about every second. */
const chunksPerSecond = 2000

let upstream: TrafficUpstream
let gateway: Mailwicket
const devices: { readonly id: string; readonly mailbox: string; readonly password: string }[] = []

beforeAll(async () => {
  upstream = await TrafficUpstream.open()
  gateway = await Mailwicket.open({ upstreams: [{ name: 'main', domains: ['example.com'], address: `127.0.0.1:${upstream.port}`, tls: 'none' }] })
  await addDevices()
  await gateway.serve()
})

afterAll(async () => {
  await gateway?.close()
  await upstream?.kill()
})

/** As `mailbox add` and `device add` do, without 210 processes. */
async function addDevices(): Promise<void> {
  const config = loadConfig({ cwd: gateway.dir, file: gateway.configPath })
  const keyring = loadKeyring({ dataDir: config.dataDir, env: {} })
  const store = (await openStore({ config, keyring })).as({ name: 'test', source: 'cli' })
  for (const mailbox of mailboxes) {
    const { Secret } = await import('../../base/secret.ts')
    await store.mailboxes.add({ address: mailbox, upstream: 'main', secret: Secret.fromText('upstream/marker+traffic') })
    for (let index = 0; index < devicesEach; index += 1) {
      const { device, password } = await store.devices.add(mailbox, { name: `Device ${index}` })
      const text = password.reveal().toString()
      registerSecret(text)
      devices.push({ id: device.id, mailbox, password: text })
    }
  }
  registerSecret('upstream/marker+traffic')
  await store.close()
}

/** So many sessions of each of these devices, logged in. */
async function connect(some: readonly { readonly id: string; readonly mailbox: string; readonly password: string }[], each: number): Promise<TrafficSession[]> {
  const accounts: { account: ImapAccount; device: string }[] = []
  for (let index = 0; index < each; index += 1)
    for (const { id, mailbox, password } of some) accounts.push({ account: gateway.account(mailbox, password), device: id })
  return await openSessions(accounts, parallel)
}

/** Open files of the gateway without sessions; one login has opened what is opened once. */
async function measureIdle(): Promise<number> {
  const [session] = await connect(devices.slice(-1), 1)
  session?.close()
  await waitFor('no connection at the upstream', 20_000, () => upstream.openCount === 0)
  await waitFor('no session in the list', 20_000, async () => (await gateway.listSessions()).length === 0, 200)
  return gateway.openFileCount()
}

/** Registry, sockets at both sides and open files say the same number of sessions. */
async function expectAgreement(idleFiles: number, sessions: readonly TrafficSession[]): Promise<void> {
  const live = sessions.filter(({ isClosed }) => !isClosed)
  await waitFor('the upstream to have as many', 30_000, () => upstream.openCount === live.length)
  await waitFor('as many open files', 30_000, () => gateway.openFileCount() === idleFiles + 2 * live.length)
  await waitFor('as many in the list', 30_000, async () => (await gateway.listSessions()).length === live.length, 200)
}

test('50 of 200 devices are revoked: exactly their sessions end, and all others keep every byte', async () => {
  const idleFiles = await measureIdle()
  const startedAt = performance.now()
  const sessions = await connect(devices, sessionsEach)
  console.info(`${sessions.length} sessions in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  await expectAgreement(idleFiles, sessions)

  const traffic = new Traffic(sessions, chunksPerSecond)
  await traffic.another()
  // Every fourth: of each mailbox some, and most of its devices stay.
  const revoked = new Set(devices.filter((_, index) => index % (devices.length / revokedDevices) === 0).map(({ id }) => id))
  const [doomed, others] = [sessions.filter(({ device }) => revoked.has(device)), sessions.filter(({ device }) => !revoked.has(device))]
  expect([doomed.length, others.length]).toEqual([500, 1500])
  const finished = await gateway.run(['device', 'revoke', ...revoked, '--json'])
  const commandEndedAt = performance.now()
  expect(finished.code, finished.stderr).toBe(0)
  // Nothing but the command makes them end.
  await waitFor('500 sessions to end', 30_000, () => doomed.every(({ isClosed }) => isClosed), 5)
  const lastAfterMs = Math.max(...doomed.map(({ closedAt }) => closedAt)) - commandEndedAt
  console.info(`the last of ${doomed.length} sessions ended ${lastAfterMs.toFixed(0)} ms after the command`)

  await traffic.another()
  traffic.stop()
  expect(others.filter(({ isClosed }) => isClosed)).toEqual([])
  await waitForSameBytes(upstream, others)
  const bytes = others.reduce((sum, { sent, received }) => sum + sent.bytes + received.bytes, 0)
  console.info(`${others.length} sessions moved ${(bytes / 1e6).toFixed(1)} MB, checksums right at both ends`)
  await expectAgreement(idleFiles, sessions)
  for (const session of others) session.close()
  await expectAgreement(idleFiles, [])
  const ended = gateway.log.filter(({ event, why }) => event === 'session.end' && why === 'revoked')
  expect(ended).toHaveLength(doomed.length)
})

test('chaos: the upstream is killed and comes back, apps are killed, the gateway is stopped and killed', async () => {
  // Of the devices that are left.
  const some = devices.filter((_, index) => index % 4 === 1)
  const count = some.length * 4
  let idleFiles = await measureIdle()

  // The upstream dies under traffic, and comes back.
  let sessions = await connect(some, 4)
  await expectAgreement(idleFiles, sessions)
  let traffic = new Traffic(sessions, chunksPerSecond)
  await traffic.another()
  await upstream.kill()
  await waitFor('every app to be told', 20_000, () => sessions.every(({ isClosed }) => isClosed))
  traffic.stop()
  await expectAgreement(idleFiles, [])
  await expect(connect(some.slice(0, 1), 1)).rejects.toThrow(/a NO \[UNAVAILABLE\]/)
  await upstream.listen()

  // Apps die under traffic, half of them without a word; the others notice nothing.
  sessions = await connect(some, 4)
  traffic = new Traffic(sessions, chunksPerSecond)
  await traffic.another()
  const survivors = sessions.filter(({ number }) => number % 4 === 0)
  for (const session of sessions) {
    if (session.number % 4 === 1) session.close()
    else if (session.number % 4 !== 0) session.kill()
  }
  await traffic.another()
  traffic.stop()
  expect(survivors.filter(({ isClosed }) => isClosed)).toEqual([])
  await waitForSameBytes(upstream, survivors)
  await expectAgreement(idleFiles, survivors)

  // The gateway stops under traffic.
  traffic = new Traffic(survivors, chunksPerSecond)
  await traffic.another()
  await gateway.stopServe()
  traffic.stop()
  await waitFor('every app to be told', 20_000, () => survivors.every(({ isClosed }) => isClosed))
  await waitFor('no connection at the upstream', 20_000, () => upstream.openCount === 0)
  expect(await gateway.listSessions()).toEqual([])

  // It starts again, and is killed.
  await gateway.serve()
  idleFiles = await measureIdle()
  sessions = await connect(some, 4)
  expect(sessions).toHaveLength(count)
  await expectAgreement(idleFiles, sessions)
  await gateway.kill()
  await waitFor('every app to be told', 20_000, () => sessions.every(({ isClosed }) => isClosed))
  await waitFor('no connection at the upstream', 20_000, () => upstream.openCount === 0)

  // What it left behind in the list goes when its node has been silent for ten seconds.
  await gateway.serve()
  idleFiles = await measureIdle()
  sessions = await connect(some, 1)
  await expectAgreement(idleFiles, sessions)
  for (const session of sessions) session.close()
  await expectAgreement(idleFiles, [])
})
