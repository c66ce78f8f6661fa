/** `workers = 2`: two processes serve behind one supervisor, and nobody notices which; one that dies takes its own sessions along and nothing else. */
import { appendFileSync, chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PrometheusText } from '../../gateway/monitoring/prometheus-text-fixture.ts'
import { logIn, openImaps, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, type RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { Inspector } from '../fixtures/program/inspector.ts'
import type { SessionRow } from '../fixtures/program/mailwicket.ts'
import { postfixUpstream, type SubmissionDevice, SubmissionGateway } from '../fixtures/program/submission-stage.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { Postfix } from '../fixtures/servers/postfix.ts'

const user = 'reader@example.com'
let dovecot: Dovecot
let postfix: Postfix
let gateway: SubmissionGateway
let phone: SubmissionDevice
const open: (RawImap | RawSmtp)[] = []

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [user]: 'upstream/marker+workers' } })
  postfix = await Postfix.open(dovecot)
  gateway = await SubmissionGateway.open([postfixUpstream(postfix, dovecot)], 'workers = 2\ndrain_seconds = 5')
  appendFileSync(gateway.mailwicket.configPath, '\n[admin]\naddress = "127.0.0.1:0"\n')
  await gateway.mailwicket.addMailboxOf(dovecot, user)
  // A limit that a leak reaches soon.
  await gateway.mailwicket.serve(['env', 'NODE_OPTIONS=--inspect-port=127.0.0.1:0 --max-old-space-size=200'])
  phone = await gateway.addDevice(user, 'Phone')
})

afterAll(async () => {
  for (const one of open) one.destroy()
  await gateway?.mailwicket.close()
  await postfix?.stop()
  await dovecot?.stop()
})

async function openImap({ imap } = phone): Promise<RawImap> {
  const session = await logIn(imap)
  open.push(session)
  return session
}

async function openSmtp({ smtp } = phone): Promise<RawSmtp> {
  const session = await logInSmtp(smtp)
  open.push(session)
  return session
}

/** The list, once it has so many rows. */
async function listed(length: number): Promise<SessionRow[]> {
  return await waitFor(`${length} sessions in the list`, 20_000, async () => {
    const rows = await gateway.mailwicket.listSessions()
    return rows.length === length && rows
  })
}

async function reload(): Promise<void> {
  const count = gateway.logOf('config.reloaded').length
  gateway.mailwicket.process.process.kill('SIGHUP')
  await waitFor('the reload', 30_000, () => gateway.logOf('config.reloaded').length > count)
}

const isEnded = async (session: RawImap): Promise<boolean> => waitFor('its end', 20_000, () => session.isEnded)
const ready = () => gateway.logOf('ready')[0] as { node: string; workers: number; admin: string }
const started = (worker: number) => gateway.logOf('process.started').filter(line => line['process'] === `worker-${worker}`) as { pid: number }[]
const pidOf = (worker: number): number => started(worker).at(-1)?.pid ?? 0
const metrics = async () => new PrometheusText(await (await fetch(`http://${ready().admin}/metrics`)).text())
const fingerprintOf = ({ socket }: RawImap): string => (socket as TLSSocket).getPeerCertificate().fingerprint256

test('sessions of both protocols are spread over both workers; the list and the metrics have all of them', async () => {
  for (let count = 0; count < 4; count += 1) await openImap()
  for (let count = 0; count < 4; count += 1) await openSmtp()
  const rows = await listed(8)
  for (const worker of [1, 2])
    expect(
      rows
        .filter(({ node }) => node === `${ready().node}-${worker}`)
        .map(({ protocol }) => protocol)
        .sort(),
    ).toEqual(['imap', 'imap', 'submission', 'submission'])
  const text = await metrics()
  expect(text.value('mailwicket_sessions', { protocol: 'imap' })).toBe(4)
  expect(text.value('mailwicket_sessions', { protocol: 'submission' })).toBe(4)
  expect(text.value('mailwicket_logins_total', { protocol: 'imap', result: 'ok' })).toBe(4)
  for (const process of ['worker-1', 'worker-2']) expect(text.value('mailwicket_process_serving', { process })).toBe(1)
  for (const process of ['supervisor', 'worker-1', 'worker-2']) expect(text.value('process_resident_memory_bytes', { process })).toBeGreaterThan(0)
  expect(await (await fetch(`http://${ready().admin}/readyz`)).json()).toEqual({ ready: true })
})

test('a TLS session is resumed whichever worker gets the connection', async () => {
  const first = await openImaps(phone.imap)
  const session = await waitFor('a ticket', 20_000, () => first.tlsSession)
  first.destroy()
  for (let count = 0; count < 4; count += 1) {
    const again = await openImaps(phone.imap, session)
    expect((again.socket as TLSSocket).isSessionReused()).toBe(true)
    again.destroy()
  }
})

test('a kick and a revocation end the sessions on both, and no others', async () => {
  const tablet = await gateway.addDevice(user, 'Tablet')
  const kicked = [await openImap(tablet), await openImap(tablet)]
  await listed(10)
  expect(await gateway.mailwicket.json(['session', 'kick', '--device', tablet.device.id])).toEqual({ sessions: 2 })
  for (const session of kicked) await isEnded(session)
  const revoked = [await openImap(tablet), await openImap(tablet)]
  expect(new Set((await listed(10)).filter(({ device }) => device === tablet.device.id).map(({ node }) => node)).size).toBe(2)
  await gateway.mailwicket.json(['device', 'revoke', tablet.device.id])
  for (const session of revoked) await isEnded(session)
  await listed(8)
})

test('a cap of sessions is one of the machine', async () => {
  const { configPath } = gateway.mailwicket
  const text = readFileSync(configPath, 'utf8')
  appendFileSync(configPath, '\n[limits]\nsessions_per_device = 3\n')
  await reload()
  const laptop = await gateway.addDevice(user, 'Laptop')
  const sessions = [await openImap(laptop), await openImap(laptop), await openImap(laptop)]
  // By then each worker knows what the other has.
  await listed(11)
  const fourth = await openImaps(laptop.imap)
  expect(await fourth.command(`LOGIN ${user} ${laptop.device.password}`)).toContain('NO [LIMIT]')
  for (const one of [fourth, ...sessions]) one.destroy()
  writeFileSync(configPath, text)
  await reload()
  await listed(8)
})

test('a new certificate is there on both after a reload, which no session notices', async () => {
  const { mailwicket } = gateway
  const other = await mailwicket.authority.issue('renewed')
  copyFileSync(other.cert, mailwicket.certificate.cert)
  copyFileSync(other.key, mailwicket.certificate.key)
  const before = new Set((await listed(8)).map(({ id }) => id))
  await reload()
  expect(gateway.logOf('config.reloaded').at(-1)).toMatchObject({ certificateDaysLeft: 29 })
  const seen = [await openImap(), await openImap()]
  const rows = (await listed(10)).filter(({ id }) => !before.has(id))
  expect(new Set(rows.map(({ node }) => node)).size).toBe(2)
  expect(new Set(seen.map(fingerprintOf))).not.toContain(fingerprintOf(open[0] as RawImap))
  expect(new Set(seen.map(fingerprintOf)).size).toBe(1)
  await (open[0] as RawImap).ok('NOOP')
  for (const session of seen) session.destroy()
  await listed(8)
})

test('a worker that is killed takes its own sessions along, and comes again', async () => {
  const before = await metrics()
  process.kill(pidOf(1), 'SIGKILL')
  await waitFor('another worker', 60_000, () => started(1).length === 2)
  const rows = await listed(4)
  expect(new Set(rows.map(({ node }) => node))).toEqual(new Set([`${ready().node}-2`]))
  const imap = open.filter(one => !('wire' in one)).slice(0, 4) as RawImap[]
  const left = imap.filter(({ isEnded }) => !isEnded)
  expect(left).toHaveLength(2)
  for (const session of left) await session.ok('NOOP')
  // What the dead one counted still counts: a counter that went down would look like a new start.
  const after = await metrics()
  const logins = { protocol: 'imap', result: 'ok' }
  expect(after.value('mailwicket_logins_total', logins)).toBe(before.value('mailwicket_logins_total', logins))
  expect(after.value('mailwicket_process_starts_total', { process: 'worker-1' })).toBe(2)
  await openImap()
  await openImap()
  expect(new Set((await listed(6)).map(({ node }) => node)).size).toBe(2)
})

test('a worker that leaks dies of it, is told of and started again; the other serves, and its sessions notice nothing', async () => {
  const pid = pidOf(2)
  const kept = await listed(6)
  const inspector = await Inspector.open(gateway.mailwicket, pid)
  await inspector.run('globalThis.leak = []; setInterval(() => leak.push(new Array(1_000_000).fill(0.5)))')
  await waitFor('its end', 60_000, () => gateway.logOf('process.ended').some(({ process, why }) => process === 'worker-2' && why === 'SIGABRT'))
  inspector.close()
  const others = kept.filter(({ node }) => node === `${ready().node}-1`).length
  await listed(others)
  expect((open.filter(one => !('wire' in one)) as RawImap[]).filter(({ isEnded }) => !isEnded)).toHaveLength(others)
  await (await openImap()).ok('NOOP')
  await waitFor('another worker', 60_000, () => started(2).length === 2)
  expect(pidOf(2)).not.toBe(pid)
})

test('one that dies at every start is told of, tried ever more seldom, and the other serves', async () => {
  const key = join(gateway.mailwicket.dir, 'keys/master.key')
  chmodSync(key, 0o644)
  process.kill(pidOf(1), 'SIGKILL')
  const ends = () => gateway.logOf('process.ended').filter(({ err }) => /master\.key/.test(String(err))) as unknown as { againInMs: number }[]
  await waitFor('two starts that fail', 60_000, () => ends().length >= 2)
  expect(ends()[1]?.againInMs).toBe(2 * (ends()[0]?.againInMs ?? 0))
  await (await openImap()).ok('NOOP')
  await (await openImap()).ok('NOOP')
  expect(await (await fetch(`http://${ready().admin}/readyz`)).json()).toEqual({ ready: true })
  expect((await metrics()).value('mailwicket_process_serving', { process: 'worker-1' })).toBe(0)
  chmodSync(key, 0o600)
  await waitFor('the worker', 60_000, () => started(1).length === 3)
})

test('a stop drains both: who is idle is told goodbye, and the exit code is 0', async () => {
  const last = [await openImap(), await openImap()]
  await gateway.mailwicket.stopServe()
  for (const session of last) expect(await session.readToEnd()).toContain('* BYE')
  expect(gateway.logOf('stopped').filter(({ worker }) => worker === undefined)).toMatchObject([{ cut: 0 }])
  expect(await gateway.mailwicket.listSessions()).toEqual([])
})
