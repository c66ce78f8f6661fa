import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId, SessionId } from '../../base/ids.ts'
import type { Batch } from '../gateway-side/gateway-store.ts'
import { initialiseKeys } from '../keys/store-keys.ts'
import type { Store } from '../open-store.ts'
import { normaliseSecret } from '../passwords/app-password.ts'
import { MIGRATIONS, migrate } from '../schema/migrations.ts'
import { openSqlite } from '../sqlite/sqlite-backend.ts'
import { createSqliteFile } from '../sqlite/sqlite-store-file.ts'
import { ACTOR, StoreFixture, secret, type TestNode } from '../store-fixture.ts'
import { restoreStore } from './restore.ts'

const anna = 'anna@example.com'
let fixture: StoreFixture
let store: Store
let file: string

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  file = join(fixture.dir, 'backup.db')
  await store.mailboxes.add({ address: anna, upstream: 'main', secret: secret('upstream-marker') })
})
afterEach(() => fixture.remove())

const restore = (from: StoreFixture = fixture, changes = {}) =>
  restoreStore({ config: from.config, keyring: from.loadKeyring(), actor: ACTOR, file, now: from.clock, ...changes })

const record = (gateway: TestNode, more: Partial<Batch> = {}) => gateway.record({ connections: [], activity: [], sessions: [], endedSessions: [], ...more })

describe('restoring while a gateway runs', () => {
  let gateway: TestNode

  beforeEach(async () => {
    gateway = await fixture.openNode()
    await record(gateway)
  })

  test('brings back what was there, loses what was made since, and keeps a copy of the present store', async () => {
    const { device, password } = await store.devices.add(anna, { name: 'Phone' })
    await store.backup(file)
    await store.devices.rename(device.id, 'Handy')
    const later = await store.devices.add(anna, { name: 'Later' })
    await store.mailboxes.add({ address: 'new@example.com', upstream: 'main' })
    const before = await gateway.readGeneration()

    const restored = await restore()
    expect(restored).toEqual({
      keptAs: join(fixture.config.dataDir, 'mailwicket.db.before-restore-20261122T060000Z'),
      keyId: fixture.keyring.currentId,
      kept: { count: 0, names: [] },
      revived: { count: 0, names: [] },
      lost: { count: 1, names: [`${anna}/Later`] },
      movedBack: { count: 0, names: [] },
    })
    expect(await gateway.readGeneration()).toBeGreaterThan(before)
    expect((await gateway.findDeviceStatuses([device.id, later.device.id])).size).toBe(1)
    expect((await gateway.findLogin(anna, normaliseSecret(password)))?.devices).toMatchObject([{ name: 'Phone', state: 'active', passwordVersion: 1 }])
    expect((await store.mailboxes.list()).map(({ address }) => address)).toEqual([anna])
    expect((await store.mailboxes.openSecret(anna))?.reveal().toString()).toBe('upstream-marker')
    expect(statSync(restored.keptAs ?? '').mode & 0o777).toBe(0o600)
    expect(readdirSync(join(fixture.dir, 'data')).filter(name => name.includes('restoring') || name.includes('partial'))).toEqual([])
    await record(gateway)

    file = restored.keptAs ?? ''
    expect(await restore()).toMatchObject({ lost: { count: 0 }, revived: { count: 0 } })
    expect((await store.devices.list()).map(({ name }) => name)).toEqual(['Handy', 'Later'])
  })

  test('keeps the audit, and adds to it', async () => {
    await store.backup(file)
    await store.users.add({ login: 'anna' })
    const before = await store.audit.list()
    await restore()
    const after = await store.audit.list()
    expect(after.slice(0, before.length)).toEqual(before)
    expect(after.slice(before.length)).toMatchObject([
      { action: 'store.restored', actor: ACTOR.name, after: { file, key: fixture.keyring.currentId, rightsSince: 'keep', kept: 0, lost: 0, revived: [] } },
    ])
    await restore()
    expect(await store.audit.list()).toHaveLength(before.length + 2)
  })

  test('keeps sessions, heartbeats, activity, the newer last connection and what was sent today', async () => {
    const { device } = await store.devices.add(anna, { name: 'Phone' })
    const connection = (at: number) => ({ device: device.id, at, ip: '192.0.2.1', protocol: 'imap' as const, app: null, tls: null })
    const attempt = (at: number) => ({ at, address: anna, device: device.id, result: 'ok', protocol: 'imap' as const, ip: '192.0.2.1', app: null })
    await record(gateway, { connections: [connection(1)], activity: [attempt(1)], sent: [{ device: device.id, recipients: 3, at: fixture.now }] })
    await store.backup(file)
    const session = { id: 's1' as SessionId, device: device.id, protocol: 'imap' as const, ip: '192.0.2.1', app: null, since: 1, bytesIn: 0, bytesOut: 0 }
    const sent = [{ device: device.id, recipients: 4, at: fixture.now }]
    await record(gateway, { connections: [connection(9)], activity: [attempt(9_000_000)], sessions: [session], sent })
    await restore()
    expect(await store.sessions.list()).toMatchObject([{ id: 's1', deviceName: 'Phone' }])
    expect((await store.devices.get(device.id)).lastConnection).toMatchObject({ at: 9 })
    expect(await store.activity.list()).toHaveLength(2)
    expect(await store.sending.get({ device: device.id })).toMatchObject({ sentToday: 7 })
  })

  test('gives no right back that was taken away since', async () => {
    const names = ['revoked', 'disabled', 'password', 'expires', 'scope', 'networks', 'blocked', 'good']
    await store.users.add({ login: 'anna' })
    const made = new Map<string, DeviceId>()
    for (const name of names) made.set(name, (await store.devices.add(anna, { name, user: name === 'blocked' ? 'anna' : null })).device.id)
    const id = (name: string): DeviceId => made.get(name) ?? raise()
    await store.backup(file)
    await store.devices.revoke([id('revoked')])
    await store.devices.disable(id('disabled'))
    const { password } = await store.devices.setPassword(id('password'))
    await store.devices.set(id('expires'), { expiresAt: fixture.now + 1000 })
    await store.devices.set(id('scope'), { scopes: ['imap'] })
    await store.devices.set(id('networks'), { allowFrom: ['10.0.0.0/8'] })
    await store.users.block('anna')
    await store.sending.set({ user: 'anna' }, { maySend: false })
    const before = await gateway.findDeviceStatuses([...made.values()])

    const { kept, revived } = await restore()
    expect(revived.count).toBe(0)
    expect(kept.names).toEqual([
      `${anna}/blocked (user blocked)`,
      `${anna}/disabled (disabled)`,
      `${anna}/expires (expires earlier)`,
      `${anna}/networks (networks)`,
      `${anna}/password (new password)`,
      `${anna}/revoked (revoked)`,
      `${anna}/scope (scope)`,
    ])
    expect(await gateway.findDeviceStatuses([...made.values()])).toEqual(before)
    expect((await gateway.findLogin(anna, normaliseSecret(password)))?.devices).toHaveLength(1)
    expect((await store.users.get('anna')).maySend).toBe(false)
    expect((await store.devices.get(id('revoked'))).revokedAt).toBe(fixture.now)
  })

  test('also not to a device whose row is gone long after it was revoked', async () => {
    const { device } = await store.devices.add(anna, { name: 'Phone' })
    await store.backup(file)
    await store.devices.revoke([device.id])
    await fixture.query('delete from devices')
    expect(await restore()).toMatchObject({ kept: { names: [`${anna}/Phone (revoked)`] }, revived: { count: 0 } })
    expect((await store.devices.get(device.id)).state).toBe('revoked')
  })

  test('undoes what was taken away only when told to, and sessions under another password do not pass', async () => {
    const phone = await store.devices.add(anna, { name: 'Phone' })
    const tablet = await store.devices.add(anna, { name: 'Tablet' })
    await store.backup(file)
    await store.devices.revoke([phone.device.id])
    await store.devices.setPassword(tablet.device.id)
    expect(await restore(fixture, { rights: 'undo' })).toMatchObject({
      revived: { count: 2, names: [`${anna}/Phone (revoked)`, `${anna}/Tablet (new password)`] },
      kept: { count: 0 },
    })
    expect((await gateway.findLogin(anna, normaliseSecret(phone.password)))?.devices).toMatchObject([{ state: 'active' }])
    expect((await gateway.findLogin(anna, normaliseSecret(tablet.password)))?.devices).toMatchObject([{ passwordVersion: 3 }])
    expect((await store.audit.list()).at(-1)).toMatchObject({
      after: { rightsSince: 'undo', revived: [`${anna}/Phone (revoked)`, `${anna}/Tablet (new password)`] },
    })
  })

  test('brings a removed mailbox back with its devices, and says that they get in again', async () => {
    const { device } = await store.devices.add(anna, { name: 'Phone' })
    await store.backup(file)
    await store.mailboxes.remove(anna)
    await store.mailboxes.add({ address: anna, upstream: 'other' })
    expect(await restore()).toMatchObject({ revived: { count: 1, names: [`${anna}/Phone (removed)`] } })
    expect((await store.devices.get(device.id)).state).toBe('active')
    expect((await store.mailboxes.get(anna)).upstream).toBe('main')
  })

  test('ends the sessions of a mailbox that lies elsewhere by the backup', async () => {
    const { device } = await store.devices.add(anna, { name: 'Phone' })
    await store.backup(file)
    await store.mailboxes.set(anna, { upstream: 'other' })
    fixture.now += 5000
    await record(gateway)
    await restore()
    expect((await gateway.findDeviceStatuses([device.id])).get(device.id)?.kickedAt).toBe(fixture.now)
  })

  test('of a backup whose rows refer to nothing is refused', async () => {
    await store.devices.add(anna, { name: 'Phone' })
    await store.backup(file)
    const copy = openSqlite(file, 'write')
    await sql.raw('pragma foreign_keys = off').execute(copy.db)
    await sql.raw('delete from mailboxes').execute(copy.db)
    await copy.close()
    await expect(restore()).rejects.toMatchObject({ code: 'STORE_DAMAGED', message: expect.stringContaining('refer to') })
    expect(await store.devices.list()).toHaveLength(1)
  })

  test('that lets names and addresses change places is no conflict', async () => {
    const [one, two] = [await store.devices.add(anna, { name: 'One' }), await store.devices.add(anna, { name: 'Two' })]
    await store.backup(file)
    await store.devices.rename(one.device.id, 'Three')
    await store.devices.rename(two.device.id, 'One')
    await store.devices.rename(one.device.id, 'Two')
    await restore()
    expect((await store.devices.list()).map(({ id, name }) => [id, name])).toEqual([
      [one.device.id, 'One'],
      [two.device.id, 'Two'],
    ])
  })

  test('of another store is refused: the gateway knows the passwords of this one only', async () => {
    const other = new StoreFixture({ origin: 'new' })
    other.keyring = fixture.keyring
    const theirs = await other.create()
    await theirs.backup(file)
    await other.remove()
    await expect(restore()).rejects.toMatchObject({ code: 'STORE_IN_USE', message: expect.stringContaining(gateway.node) })
    fixture.now += 10_000
    expect(await restore()).toMatchObject({ revived: { count: 0 } })
    expect(await store.mailboxes.list()).toEqual([])
  })
})

describe('restoring', () => {
  test('into a store made anew brings the audit and the activity along', async () => {
    await record(await fixture.openNode(), {
      activity: [{ at: fixture.now, address: anna, device: null, result: 'wrong-secret', protocol: 'imap', ip: '192.0.2.1', app: null }],
    })
    await store.backup(file)
    await store.close()
    await fixture.lose()
    const fresh = await fixture.create()
    await restore()
    await restore()
    expect((await fresh.audit.list()).map(({ action }) => action)).toEqual(['store.created', 'mailbox.added', 'store.restored', 'store.restored'])
    expect(await fresh.activity.list()).toHaveLength(1)
  })

  test('works where there is no store yet', async () => {
    await store.backup(file)
    await store.close()
    await fixture.lose()
    await fixture.makePlace()
    expect(await restore()).toMatchObject({ keptAs: null, revived: { count: 0 } })
    expect(await (await fixture.open()).mailboxes.list()).toHaveLength(1)
  })

  test('an older backup is migrated; a store that is older itself is to be migrated first', async () => {
    createSqliteFile(file)
    const older = openSqlite(file, 'write')
    const before = MIGRATIONS.findIndex(({ name }) => name === 'blocked users')
    await migrate(older, { migrations: MIGRATIONS.slice(0, before), inTransaction: db => initialiseKeys(db, fixture.keyring) })
    await sql`insert into users (id, login, name, created_at) values ('u1', 'anna', null, 1)`.execute(older.db)
    await older.close()
    await restore()
    expect(await store.users.get('anna')).toMatchObject({ state: 'active' })
    await fixture.query("update meta set value = '1' where name = 'schema_version'")
    await expect(restore()).rejects.toMatchObject({ code: 'STORE_TOO_OLD', reason: 'store.too-old' })
  })

  test('of another installation is refused with the key it needs', async () => {
    await store.backup(file)
    const other = new StoreFixture({ origin: 'new' })
    await (await other.create()).close()
    const message = expect.stringContaining(`needs the master key ${fixture.keyring.currentId}`)
    await expect(restore(other)).rejects.toMatchObject({ code: 'KEY_WRONG', message, reason: 'backup.key' })
    expect(await (await other.open()).mailboxes.list()).toEqual([])
    await other.remove()
  })

  test('of a backup from before a key rotation needs the old key', async () => {
    await store.backup(file)
    const old = readFileSync(join(fixture.dir, 'keys/master.key'), 'latin1')
    await store.keys.rotate()
    await store.close()
    await expect(restore()).rejects.toMatchObject({ code: 'KEY_WRONG' })
    writeFileSync(join(fixture.dir, 'keys/master.key'), `${readFileSync(join(fixture.dir, 'keys/master.key'), 'latin1')}${old}`)
    await restore()
    const after = await fixture.open()
    await after.keys.rotate()
    expect(fixture.loadKeyring().ids).toHaveLength(1)
    expect((await after.mailboxes.openSecret(anna))?.reveal().toString()).toBe('upstream-marker')
  })

  test.each([
    ['cut', () => truncateSync(file, 40_000)],
    ['no database', () => writeFileSync(file, 'hello'.repeat(5000))],
    ['empty', () => truncateSync(file, 0)],
    ['damaged inside', () => writeFileSync(file, readFileSync(file).fill(0xa5, 4096, 20_000))],
  ])('of a file that is %s is refused and changes nothing', async (_what, spoil) => {
    await store.backup(file)
    await store.close()
    spoil()
    await expect(restore()).rejects.toMatchObject({ code: 'STORE_DAMAGED', message: expect.stringContaining(file) })
    expect(existsSync(fixture.config.dataDir) ? readdirSync(fixture.config.dataDir) : []).toEqual(fixture.isFile ? ['mailwicket.db'] : [])
    expect(await (await fixture.open()).mailboxes.list()).toHaveLength(1)
  })

  test('of a file that is not there says so', async () => {
    await expect(restore()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

function raise(): never {
  throw new Error('no such device')
}
