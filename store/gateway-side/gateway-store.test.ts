import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DeviceId, makeId } from '../../base/ids.ts'
import type { Device } from '../accounts/devices/device-rows.ts'
import type { Store } from '../open-store.ts'
import { normaliseSecret } from '../passwords/app-password.ts'
import { MIGRATIONS } from '../schema/migrations.ts'
import { StoreFixture, secret } from '../store-fixture.ts'
import type { GatewayStore } from './gateway-store.ts'
import { openGatewayStore } from './open-gateway-store.ts'

const DAY_MS = 86_400_000
let fixture: StoreFixture
let store: Store
let gateway: GatewayStore
let anna: string
let device: Device
let password: ReturnType<typeof secret>

beforeAll(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  gateway = await fixture.openGateway()
})
afterAll(() => fixture.remove())

// Each test has a mailbox of its own in the one store.
beforeEach(async ({ task }) => {
  anna = `anna-${task.id.replaceAll('_', '-')}@example.com`
  await store.mailboxes.add({ address: anna, upstream: 'main', login: 'anna.a', secret: secret('upstream-marker') })
  const added = await store.devices.add(anna, { name: 'Phone', scopes: ['imap'], expiresAt: fixture.now + 1000, allowFrom: ['10.0.0.0/8', '::1'] })
  device = added.device
  password = normaliseSecret(added.password)
})

describe('a login', () => {
  test('finds the mailbox and the device with everything that judges it', async () => {
    const record = await gateway.findLogin(anna, password)
    expect(record?.mailbox).toMatchObject({ address: anna, upstream: 'main', login: 'anna.a', state: 'active' })
    expect(record?.devices).toEqual([
      {
        id: device.id,
        name: 'Phone',
        kind: 'generated',
        state: 'active',
        mailboxState: 'active',
        userState: null,
        scopes: ['imap'],
        expiresAt: fixture.now + 1000,
        allowFrom: ['10.0.0.0/8', '::1/128'],
        passwordVersion: 1,
        kickedAt: null,
        phc: expect.stringContaining('$argon2id$'),
        tag: Buffer.from(gateway.tagsOf(record!.mailbox.id, password).generated),
      },
    ])
    expect(gateway.openUpstreamSecret(record!.mailbox).reveal().toString()).toBe('upstream-marker')
  })

  test('finds no device for a wrong secret and nothing for an unknown address', async () => {
    expect((await gateway.findLogin(anna, secret('k7mqx2pd9rtfh4wzc8nb')))?.devices).toEqual([])
    expect(await gateway.findLogin('berta@example.com', password)).toBeUndefined()
    expect(await gateway.findLogin('@', password)).toBeUndefined()
  })

  test('sees a change of another process at once', async () => {
    await store.devices.disable(device.id)
    expect((await gateway.findLogin(anna, password))?.devices[0]?.state).toBe('disabled')
    await store.mailboxes.set(anna, { state: 'disabled' })
    expect((await gateway.findLogin(anna, password))?.devices[0]?.mailboxState).toBe('disabled')
  })

  test('finds a device for 30 days after it was revoked', async () => {
    await store.devices.revoke([device.id])
    fixture.now += 30 * DAY_MS - 1
    expect((await gateway.findLogin(anna, password))?.devices[0]?.state).toBe('revoked')
    fixture.now += 1
    expect((await gateway.findLogin(anna, password))?.devices).toEqual([])
  })

  test('fetches one device of very many', async () => {
    // Copies of the row with other secrets; hashing forty would take a second.
    const copy = `insert into devices select ?, mailbox_id, ?, ?, state, kind, phc, tag, (bucket + ?) % 65536, scopes, expires_at, allow_from, password_version, kicked_at, created_at, password_changed_at, revoked_at, user_id from devices where id = ?`
    for (let n = 1; n <= 40; n++) await fixture.query(copy, [makeId<DeviceId>(), `Device ${n}`, `device ${n}`, n, device.id])
    expect((await gateway.findLogin(anna, password))?.devices.map(({ name }) => name)).toEqual(['Phone'])
    await store.devices.add(anna, { name: 'Chosen', password: secret('correct horse battery') })
    expect((await gateway.findLogin(anna, password))?.devices.map(({ name }) => name).sort()).toEqual(['Chosen', 'Phone'])
  })

  test('does not open a sealed secret that was put into another mailbox', async () => {
    const berta = `berta-${anna}`
    await store.mailboxes.add({ address: berta, upstream: 'main', secret: secret('other') })
    const [a, b] = [await gateway.findLogin(anna, password), await gateway.findLogin(berta, password)]
    expect(() => gateway.openUpstreamSecret({ ...b!.mailbox, sealedSecret: a!.mailbox.sealedSecret })).toThrow(
      expect.objectContaining({ code: 'STORE_DAMAGED' }),
    )
    expect(() => gateway.openUpstreamSecret({ ...b!.mailbox, sealedSecret: null })).toThrow(/no upstream secret is stored for berta-/)
  })

  test('an imported hash gets its tag once', async () => {
    await fixture.query(`update devices set kind = 'imported', tag = null, bucket = 0 where id = ?`, [device.id])
    expect((await gateway.findLogin(anna, secret('anything at all')))?.devices[0]?.tag).toBeNull()
    await gateway.setTag(device.id, Uint8Array.of(7))
    await gateway.setTag(device.id, Uint8Array.of(9))
    expect((await gateway.findLogin(anna, secret('anything at all')))?.devices[0]?.tag).toEqual(Buffer.of(7))
  })
})

describe('device statuses', () => {
  test('of devices that are there; of others there is none', async () => {
    const gone = makeId<DeviceId>()
    const statuses = await gateway.findDeviceStatuses([gone, device.id])
    expect([...statuses.keys()]).toEqual([device.id])
    expect(statuses.get(device.id)).toMatchObject({ state: 'active', scopes: ['imap'], passwordVersion: 1 })
    expect((await gateway.findDeviceStatuses([])).size).toBe(0)
  })

  test('of a thousand devices are asked for in lists', async () => {
    const devices = Array.from({ length: 1000 }, () => makeId<DeviceId>())
    expect([...(await gateway.findDeviceStatuses([...devices, device.id])).keys()]).toEqual([device.id])
  })
})

test('a gateway refuses a store of another version, a wrong key and a missing file at once', async () => {
  const other = new StoreFixture({ origin: 'new' })
  await expect(other.openGateway()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await (await other.create()).close()
  for (const [version, code] of [
    ['99', 'STORE_TOO_NEW'],
    ['0', 'STORE_TOO_OLD'],
  ] as const) {
    await other.query(`update meta set value = '${version}' where name = 'schema_version'`)
    await expect(other.openGateway()).rejects.toMatchObject({ code })
  }
  await other.query(`update meta set value = '${MIGRATIONS.length}' where name = 'schema_version'`)
  await expect(openGatewayStore({ config: other.config, keyring: fixture.keyring })).rejects.toMatchObject({
    code: 'KEY_WRONG',
    message: expect.stringContaining(other.keyring.currentId),
  })
  expect(await (await other.openGateway()).readGeneration()).toBeGreaterThan(0)
  await other.remove()
}, 20_000)
