/** Two gateways, two portals and whoever runs commands on one store: what one of them learns the others know, and what may happen once happens once. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DeviceId, makeId, type SessionId } from '../base/ids.ts'
import type { Batch, GatewayStore } from './gateway-side/gateway-store.ts'
import { openGatewayStore } from './gateway-side/open-gateway-store.ts'
import { keyFilePath, loadKeyring } from './keys/master-key.ts'
import { openBackend } from './open-backend.ts'
import type { Store } from './open-store.ts'
import { normaliseSecret } from './passwords/app-password.ts'
import { MIGRATIONS, type Migration, migrate } from './schema/migrations.ts'
import { StoreFixture, secret, type TestNode } from './store-fixture.ts'

const anna = 'anna@example.com'
let fixture: StoreFixture
/** Each as a portal or a command has one. */
let stores: [Store, Store]
let nodes: [TestNode, TestNode]
let device: DeviceId

beforeEach(async () => {
  fixture = new StoreFixture()
  stores = [await fixture.create(), await fixture.open()]
  await stores[0].users.add({ login: 'anna' })
  await stores[0].credentials.setPassword('anna', 'phc')
  const { id } = await stores[0].mailboxes.add({ address: anna, upstream: 'main', secret: secret('upstream') })
  mailbox = id
  device = (await stores[0].devices.add(anna, { name: 'Phone', user: 'anna' })).device.id
  nodes = [await fixture.openNode(), await fixture.openNode()]
})
afterEach(() => fixture.remove())

let mailbox: Awaited<ReturnType<Store['mailboxes']['add']>>['id']
const record = (node: TestNode, more: Partial<Batch>) => node.record({ connections: [], activity: [], sessions: [], endedSessions: [], ...more })

describe('gateways', () => {
  test('a network that is recognised at one is at the other', async () => {
    const block = '192.0.2.7'
    expect(await nodes[1].isRecognisedNetwork(anna, block, 0)).toBe(false)
    await nodes[0].recordFailures([], [{ mailbox, block, at: fixture.now }])
    expect(await nodes[1].isRecognisedNetwork(anna, block, fixture.now - 1)).toBe(true)
    expect(await nodes[1].isRecognisedByAnyMailbox(block, fixture.now - 1)).toBe(true)
  })

  test('who is let off guessing is let off at all of them', async () => {
    const count = { kind: 'block', subject: '192.0.2.7', added: 100, total: 100, expiresAt: fixture.now + 3_600_000 } as const
    await nodes[0].recordFailures([count], [])
    const seen = await nodes[1].readFailures(0, 10)
    expect(seen.rows).toMatchObject([{ subject: '192.0.2.7', count: 100 }])
    await stores[1].limits.clear({ subject: '192.0.2.7' })
    for (const node of nodes) expect((await node.readFailures(seen.revision, 10)).rows).toMatchObject([{ subject: '192.0.2.7', count: 0 }])
  })

  test('sessions, activity and last connections of all are in one list', async () => {
    const connect = (n: 0 | 1, at: number) =>
      record(nodes[n], {
        connections: [{ device, at, ip: `192.0.2.${n}`, protocol: 'imap', app: null, tls: null }],
        activity: [{ at, address: anna, device, result: 'ok', protocol: 'imap', ip: '192.0.2.9', app: null }],
        sessions: [{ id: makeId<SessionId>(), device, protocol: 'imap', ip: '192.0.2.9', app: null, since: at, bytesIn: 0, bytesOut: 0 }],
      })
    await connect(0, fixture.now + 5)
    // Later, of something that was earlier.
    await connect(1, fixture.now + 2)
    expect(new Set((await stores[1].sessions.list()).map(({ node }) => node))).toEqual(new Set(nodes.map(({ node }) => node)))
    expect(await stores[1].devices.get(device)).toMatchObject({ sessions: 2, lastConnection: { at: fixture.now + 5, ip: '192.0.2.0' } })
    expect((await stores[0].activity.list()).map(({ at, count }) => [at, count])).toEqual([
      [fixture.now + 5, 1],
      [fixture.now + 2, 1],
    ])
  })

  test('recipients of the day are those of all, and a limit is read anew by each', async () => {
    await stores[0].sending.set({ mailbox: anna }, { recipientsPerDay: 10 })
    for (const node of nodes) await record(node, { sent: [{ device, recipients: 4, at: fixture.now }] })
    for (const node of nodes) {
      const { rules } = await node.readSendingTerms(device)
      expect(rules.map(({ sentToday, recipientsPerDay }) => [sentToday, recipientsPerDay])).toContainEqual([8, 10])
    }
  })
})

describe('portals', () => {
  test('an invitation that is accepted at both at once makes one device', async () => {
    const { token } = await stores[0].invitations.add({ kind: 'device', mailbox: anna })
    const ends = await Promise.all(
      stores.map((store, n) => store.acceptInvitation.withDevice(token ?? expect.fail('no link'), { user: null, name: `Phone of portal ${n}` })),
    )
    expect(ends.map(({ is }) => is).sort()).toEqual(['accepted', 'gone'])
    expect((await stores[1].devices.list()).filter(({ name }) => name.startsWith('Phone of'))).toHaveLength(1)
  })

  test('a session that one began is found, renewed and ended by the other', async () => {
    const begun = await stores[0].portalSessions.start('anna', { stage: 'full', agent: 'Browser', ip: '192.0.2.1', phc: 'phc', by: 'password' })
    const token = begun?.token ?? expect.fail('not signed in')
    expect(await stores[1].portalSessions.find(token)).toMatchObject({ user: { login: 'anna' } })
    // The same request at both, as after a failed node.
    const renewed = await Promise.all(stores.map(store => store.portalSessions.renew(token, { confirmed: true, by: 'password', ip: '192.0.2.1' })))
    const next = renewed.filter(one => one !== undefined)
    expect(next).toHaveLength(1)
    await stores[1].credentials.setPassword('anna', 'phc 2')
    expect(await stores[0].portalSessions.find(next[0] ?? expect.fail())).toBeUndefined()
  })
})

describe('a rotation of the master key on one machine', () => {
  const otherDir = (): string => join(fixture.dir, 'other-machine')
  const copyKeys = (): void => copyFileSync(keyFilePath(fixture.dir), keyFilePath(otherDir()))
  let other: GatewayStore

  beforeEach(async () => {
    mkdirSync(dirname(keyFilePath(otherDir())), { recursive: true, mode: 0o700 })
    copyKeys()
    other = await openOther()
  })
  afterEach(() => other.close())

  const openOther = () => openGatewayStore({ config: fixture.config, keyring: loadKeyring({ dataDir: otherDir(), env: {} }), now: fixture.clock })
  const openSecret = async (node: GatewayStore) => {
    const found = await node.findLogin(anna, secret('x'))
    return node
      .openUpstreamSecret(found?.mailbox ?? expect.fail())
      .reveal()
      .toString()
  }

  test('a gateway of another machine says which key it lacks, and takes it without a restart', async () => {
    const here = await fixture.openGateway()
    const { from, to } = await stores[0].keys.rotate()
    expect(await openSecret(here)).toBe('upstream')
    const lacksIt = { code: 'KEY_WRONG', message: expect.stringMatching(new RegExp(`needs the master key ${to}, but .* holds ${from}`)) }
    await expect(openSecret(other)).rejects.toMatchObject(lacksIt)
    await expect(openOther()).rejects.toMatchObject(lacksIt)
    copyKeys()
    await expect.poll(() => openSecret(other).catch(({ code }) => code), { timeout: 600_000 }).toBe('upstream')
  })

  test('with the new key first in the file of every machine nobody lacks it', async () => {
    const prepared = loadKeyring({ dataDir: fixture.dir, env: {} })
    prepared.addCurrent()
    copyKeys()
    const { to } = await (await fixture.open()).keys.rotate()
    expect(to).toBe(prepared.currentId)
    expect(await openSecret(other)).toBe('upstream')
    await (await openOther()).close()
  })
})

describe('a rolling upgrade', () => {
  const next: Migration = {
    name: 'notes',
    since: '0.2.0',
    run: async (db, ddl) => {
      await ddl.tables(db).schema.createTable('notes').addColumn('text', 'text').execute()
      await sql`alter table devices add column colour text`.execute(db)
      await sql`insert into notes select name from devices`.execute(db)
    },
  }

  test('a gateway and a portal of the version before go on after the migration; what is started then says which program it needs', async () => {
    const { password } = await stores[0].devices.add(anna, { name: 'Tablet' })
    const gateway = await fixture.openGateway()
    const backend = await openBackend(fixture.config.store, 'write')
    await migrate(backend, { migrations: [...MIGRATIONS, next] })
    await backend.close()
    const login = () => gateway.findLogin(anna, normaliseSecret(password))
    const tablet = (await login())?.devices[0] ?? expect.fail()
    const before = await gateway.readGeneration()
    await record(gateway, { connections: [{ device: tablet.id, at: 5, ip: '192.0.2.1', protocol: 'imap', app: null, tls: null }] })
    const added = await stores[0].devices.add(anna, { name: 'Added', password: secret('a-chosen-password-1') })
    await stores[0].devices.revoke([tablet.id])
    expect(await gateway.readGeneration()).toBe(before + 1)
    expect((await gateway.findDeviceStatuses([tablet.id])).get(tablet.id)?.state).toBe('revoked')
    expect(await stores[1].devices.get(tablet.id)).toMatchObject({ lastConnection: { at: 5 } })
    expect(await stores[1].devices.get(added.device.id)).toMatchObject({ name: 'Added' })
    const tooNew = { code: 'STORE_TOO_NEW', message: expect.stringContaining('install Mailwicket 0.2.0 or newer') }
    await expect(fixture.openGateway()).rejects.toMatchObject(tooNew)
    await expect(fixture.open()).rejects.toMatchObject(tooNew)
  })
})
