/**
 * The whole of an installation of two machines, through its balancer: mail apps and a browser that never know which node they are on. Workers, portals and
 * nodes are killed, a node after the other is replaced by drain: whoever was there loses the session, nobody else does, and who comes back is served.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HttpBrowser } from '../fixtures/clients/http-browser.ts'
import { openImapsFrom, openRawImap, quote, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, type RawSmtp, type SmtpTransport } from '../fixtures/clients/raw-smtp.ts'
import { inTime, waitFor } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import type { NewDevice, SessionRow } from '../fixtures/program/mailwicket.ts'
import { passwordOn } from '../fixtures/program/served-portal.ts'
import { Installation, type Node } from './installation.ts'

const user = 'office@example.com'
const devicesPath = `/m/${encodeURIComponent(user)}/devices`
const browserIp = '127.0.2.1'

let whole: Installation
let phone: NewDevice
let browser: HttpBrowser
/** Which are there, by the address that each comes from alone. */
const apps = new Map<string, App>()

interface App {
  readonly ip: string
  readonly device: NewDevice
  readonly by: 'imap' | SmtpTransport
  readonly imap?: RawImap
  readonly smtp?: RawSmtp
}

beforeAll(async () => {
  whole = await Installation.open([user])
  phone = await whole.mailwicket.addDevice(user, 'Phone')
})

afterAll(async () => {
  for (const app of apps.values()) wireOf(app).destroy()
  await whole?.close()
})

const wireOf = ({ imap, smtp }: App): RawImap => smtp?.wire ?? (imap as RawImap)
const isEnded = (app: App): boolean => wireOf(app).isEnded

async function connect(device: NewDevice, by: App['by'], ip = `127.0.1.${apps.size + 1}`): Promise<App> {
  const app = { ip, device, by, ...(by === 'imap' ? { imap: await logInImap(device, ip) } : { smtp: await logInSmtp(whole.smtpAccount(device), by, ip) }) }
  apps.set(ip, app)
  return app
}

async function logInImap(device: NewDevice, ip: string): Promise<RawImap> {
  const imap = await openImapsFrom(ip, whole.imapAccount(device))
  await imap.ok(`LOGIN ${quote(user)} ${quote(device.password)}`)
  return imap
}

/** They come back at once, as apps do, and must be let in at the first try. */
async function comeBack(gone: readonly App[]): Promise<void> {
  for (const { device, by, ip } of gone) await connect(device, by, ip)
}

const answers = async ({ imap, smtp }: App): Promise<unknown> => (imap === undefined ? await smtp?.expect('250', 'NOOP') : await imap.ok('NOOP'))

/** The list of sessions, once it has exactly the apps that are there, each under its own address. */
async function listed(): Promise<SessionRow[]> {
  const wanted = [...apps.keys()].sort().join()
  return await waitFor('the list of sessions', 30_000, async () => {
    const rows = await whole.mailwicket.listSessions()
    return (
      rows
        .map(({ ip }) => ip)
        .sort()
        .join() === wanted && rows
    )
  })
}

/** Who is on this node, or on this worker of it, and who is not. */
async function split(id: string): Promise<{ there: App[]; elsewhere: App[] }> {
  const ips = (await listed()).filter(({ node }) => node.startsWith(id)).map(({ ip }) => ip)
  const all = [...apps.values()]
  return { there: all.filter(({ ip }) => ips.includes(ip)), elsewhere: all.filter(({ ip }) => !ips.includes(ip)) }
}

/** Exactly these end, and all others answer. */
async function expectEnded(gone: readonly App[], others: readonly App[]): Promise<void> {
  await Promise.all(gone.map(app => wireOf(app).readToEnd(30_000)))
  for (const app of others) await answers(app)
  expect(others.filter(isEnded)).toEqual([])
}

/** A message up to its middle; what comes back sends the rest, and gives the reply to the whole. */
async function beginMessage({ smtp }: App, subject: string): Promise<() => Promise<string>> {
  if (smtp === undefined) throw new Error('it does not send')
  await smtp.expect('250', `MAIL FROM:<${user}>`)
  await smtp.expect('250', `RCPT TO:<${user}>`)
  await smtp.expect('354', 'DATA')
  await smtp.wire.writeAll(`Subject: ${subject}\r\n\r\nthe first half\r\n`)
  return async () => await smtp.command('and the second\r\n.')
}

const senderAmong = (some: readonly App[]): App => some.find(({ smtp }) => smtp !== undefined) ?? expect.fail('nobody sends')

async function expectDelivered(subject: string): Promise<void> {
  const reader = [...apps.values()].find(({ imap }) => imap !== undefined)?.imap ?? expect.fail('nobody reads')
  await reader.ok('SELECT INBOX')
  await waitFor(subject, 20_000, async () => /^\* SEARCH \d/m.test(await reader.ok(`SEARCH SUBJECT "${subject}"`)))
}

test('apps come through the balancer to all workers of both nodes, each seen under its own address', async () => {
  for (let count = 0; count < 8; count += 1) await connect(phone, 'imap')
  for (let count = 0; count < 8; count += 1) await connect(phone, count % 2 === 0 ? 'implicit' : 'starttls')
  const rows = await listed()
  const everywhere = whole.nodes.flatMap(({ id }) => [`${id}-1`, `${id}-2`])
  for (const protocol of ['imap', 'submission'])
    expect(new Set(rows.filter(row => row.protocol === protocol).map(({ node }) => node))).toEqual(new Set(everywhere))
  const finish = await beginMessage(senderAmong([...apps.values()]), 'through the balancer')
  expect(await finish()).toMatch(/^250/)
  await expectDelivered('through the balancer')
})

test('an app that goes past the balancer gets nothing', async () => {
  const { port, ca } = whole.imapAccount(phone)
  await expect(openRawImap({ host: '127.0.0.11', port, tls: 'implicit', ca, localAddress: '127.0.3.1' })).rejects.toThrow()
})

async function addAtPortal(name: string): Promise<NewDevice> {
  const fields = { ...(await browser.get(`${devicesPath}/new`)).hidden(devicesPath), name, user: 'none', scope: 'both', ends: 'never' }
  const { to, status } = await browser.post(devicesPath, fields)
  expect(status).toBe(303)
  const password = passwordOn(await browser.get(to))
  expect(password).toMatch(/^[a-z0-9]{4}(-[a-z0-9]{4}){4}$/)
  registerSecret(password)
  // What was shown once is not shown by the other portal either.
  for (let count = 0; count < 2; count += 1) expect(passwordOn(await browser.get(to))).toBe('')
  return { ...phone, name, password, id: to.split('/').at(-2) ?? '' }
}

/** Who was asked for a page by this browser, under its own address. */
const hasServed = (node: Node): boolean => node.logOf('portal.request').some(line => line['ip'] === browserIp && line['user'] === 'keeper')

test('the portals are one: signed in at both, a device made at either logs in, and goes on when one of them is killed', async () => {
  await whole.mailwicket.json(['user', 'add', 'keeper'])
  await whole.mailwicket.json(['user', 'rights', 'keeper', '--at', user, '--give', 'manage,send'])
  const { startLink } = await whole.mailwicket.json<{ startLink: string }>(['user', 'reset-sign-in', 'keeper', '--yes'], { printsSecret: true })
  const token = startLink.split('/').at(-1) ?? ''
  registerSecret(token)
  const password = 'the keeper signs in with this'
  registerSecret(password)
  browser = whole.openBrowser(browserIp)
  expect((await browser.post(`/welcome/${token}`, { password, repeated: password })).status).toBe(303)
  const tablet = await addAtPortal('Tablet')
  await waitFor('a page of each', 20_000, async () => (await browser.get(devicesPath)).status === 200 && whole.nodes.every(hasServed))
  const [node] = whole.nodes
  node.killProcess('portal')
  expect((await browser.get(devicesPath)).text).toContain('Tablet')
  const app = await connect(tablet, 'imap')
  await waitFor('its last connection', 20_000, async () =>
    (await whole.mailwicket.listDevices()).some(({ id, lastConnection }) => id === tablet.id && lastConnection?.ip === app.ip),
  )
  wireOf(app).destroy()
  apps.delete(app.ip)
  await waitFor('another portal', 60_000, () => node.starts('portal') === 2)
  await whole.waitUntilUp(node)
})

/** A device with an app on each worker by each protocol, and what ends it; gives how long its sessions live on. */
async function measureCutOff(device: NewDevice, revoke: () => Promise<unknown>): Promise<number> {
  const others = [...apps.values()]
  const lost: App[] = []
  for (const by of ['imap', 'implicit'] as const) for (let count = 0; count < 4; count += 1) lost.push(await connect(device, by))
  const nodes = new Set((await listed()).filter(row => row.device === device.id).map(({ node }) => node))
  expect(nodes.size).toBe(4)
  const ends = Promise.all(
    lost.map(app =>
      wireOf(app)
        .readToEnd(30_000)
        .then(() => performance.now()),
    ),
  )
  await revoke()
  const revokedAt = performance.now()
  const tookMs = Math.max(...(await ends)) - revokedAt
  for (const { ip } of lost) apps.delete(ip)
  await expectEnded(lost, others)
  const again = await openImapsFrom('127.0.1.200', whole.imapAccount(device))
  expect(await again.command(`LOGIN ${user} ${device.password}`)).toContain('NO [AUTHENTICATIONFAILED]')
  again.destroy()
  return tookMs
}

test('who is disconnected at the portal of one node is cut off by all workers of both within a second', async () => {
  const device = await addAtPortal('Lost')
  const path = `${devicesPath}/${device.id}/disconnect`
  const fields = (await browser.get(path)).hidden(path)
  const tookMs = await measureCutOff(device, async () => expect((await browser.post(path, fields)).status).toBe(303))
  expect(tookMs).toBeLessThan(inTime(1_000))
})

test('and within two seconds when no node hears of it', async () => {
  whole.postgres.sql('mail', 'alter table generation disable trigger generation_moved')
  const device = await whole.mailwicket.addDevice(user, 'Quietly lost')
  const tookMs = await measureCutOff(device, () => whole.mailwicket.json(['device', 'revoke', device.id]))
  expect(tookMs).toBeLessThan(inTime(2_000))
  whole.postgres.sql('mail', 'alter table generation enable trigger generation_moved')
})

test('a worker that is killed takes its own sessions along, and they are back at once', async () => {
  const [node] = whole.nodes
  const { there, elsewhere } = await split(`${node.id}-1`)
  expect(there.length).toBeGreaterThan(0)
  const sender = senderAmong(elsewhere)
  const finish = await beginMessage(sender, 'while a worker dies')
  node.killProcess('worker-1')
  await expectEnded(
    there,
    elsewhere.filter(app => app !== sender),
  )
  await comeBack(there)
  expect(await finish()).toMatch(/^250/)
  await expectDelivered('while a worker dies')
  await waitFor('the worker', 60_000, () => node.starts('worker-1') === 2)
  expect(node.logOf('process.ended')).toMatchObject([{ process: 'portal' }, { process: 'worker-1', why: 'SIGKILL' }])
  await listed()
})

test('a node that is killed takes its own sessions along, and they are back at once, at the other', async () => {
  const [kept, lost] = whole.nodes
  const { there, elsewhere } = await split(lost.id)
  expect(there.length).toBeGreaterThan(0)
  const sender = senderAmong(elsewhere)
  const finish = await beginMessage(sender, 'while a node dies')
  await lost.kill()
  await expectEnded(
    there,
    elsewhere.filter(app => app !== sender),
  )
  await comeBack(there)
  expect((await browser.get(devicesPath)).text).toContain('Tablet')
  expect(await finish()).toMatch(/^250/)
  await expectDelivered('while a node dies')
  await lost.start()
  await whole.waitUntilUp(lost)
  // The dead node's sessions are out of the list, and so is the node.
  expect((await listed()).every(({ node }) => node.startsWith(kept.id))).toBe(true)
})

test('each node is replaced by drain: messages are finished, the idle leave and are back at once, nobody is refused', async () => {
  for (const node of whole.nodes) {
    // Whatever the last one left: some on each.
    for (const app of apps.values()) wireOf(app).destroy()
    await comeBack([...apps.values()])
    const { there, elsewhere } = await split(node.id)
    const sender = senderAmong(there)
    const idle = there.filter(app => app !== sender)
    expect(idle.length).toBeGreaterThan(0)
    const finish = await beginMessage(sender, `while ${node.name} drains`)
    const stopped = node.stop()
    await expectEnded(idle, elsewhere)
    await comeBack(idle)
    expect((await browser.get(devicesPath)).text).toContain('Tablet')
    await whole.waitUntilDown(node)
    expect(isEnded(sender)).toBe(false)
    expect(await finish()).toMatch(/^250/)
    await stopped
    expect(node.logOf('stopped').map(line => line['cut'])).toEqual([0, 0, 0])
    await comeBack([sender])
    await expectDelivered(`while ${node.name} drains`)
    if (node === whole.nodes[1]) break
    await node.start()
    await whole.waitUntilUp(node)
  }
  await listed()
})

test('in all this nobody heard of a wrong password who had the right one', () => {
  const refused = whole.nodes.flatMap(node => node.logOf('auth.refused', 'first start'))
  expect(new Set(refused.map(line => line['reason']))).toEqual(new Set(['revoked']))
})
