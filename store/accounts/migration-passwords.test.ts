/** The migration password in the store: a device that no secret fits. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../open-store.ts'
import { StoreFixture, secret, type TestNode } from '../store-fixture.ts'

const DAY_MS = 86_400_000
const anna = 'anna@example.com'
let fixture: StoreFixture
let store: Store
let gateway: TestNode
let until: number

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  gateway = await fixture.openNode()
  until = fixture.now + 30 * DAY_MS
  await store.mailboxes.add({ address: anna, upstream: 'main', secret: secret('upstream-marker') })
})
afterEach(() => fixture.remove())

const migrationDeviceOf = async (address: string) => (await store.devices.list({ mailbox: address })).find(({ kind }) => kind === 'legacy')

async function moves(act: () => Promise<unknown>): Promise<number> {
  const before = await gateway.readGeneration()
  await act()
  return (await gateway.readGeneration()) - before
}

describe('the date of one mailbox', () => {
  test('is off at first, set, moved and taken away; each moves the generation, the same again does not', async () => {
    expect(await store.mailboxes.get(anna)).toMatchObject({ migrationPasswordUntil: null, devices: 0 })
    expect(await moves(() => store.mailboxes.set(anna, { migrationPasswordUntil: until }))).toBe(1)
    expect(await store.mailboxes.get(anna)).toMatchObject({ migrationPasswordUntil: until, devices: 0 })
    expect(await moves(() => store.mailboxes.set(anna, { migrationPasswordUntil: until }))).toBe(0)
    const first = await migrationDeviceOf(anna)
    expect(await moves(() => store.mailboxes.set(anna, { migrationPasswordUntil: until + DAY_MS }))).toBe(1)
    expect(await migrationDeviceOf(anna)).toMatchObject({ id: first?.id, expiresAt: until + DAY_MS })
    expect(await moves(() => store.mailboxes.set(anna, { migrationPasswordUntil: null }))).toBe(1)
    expect(await store.mailboxes.get(anna)).toMatchObject({ migrationPasswordUntil: null })
    expect(await moves(() => store.mailboxes.set(anna, { migrationPasswordUntil: null }))).toBe(0)
    expect(await store.devices.list({ revoked: true })).toMatchObject([{ id: first?.id, state: 'revoked' }])
  })

  test('is given with a new mailbox', async () => {
    expect(await store.mailboxes.add({ address: 'berta@example.com', upstream: 'main', migrationPasswordUntil: until })).toMatchObject({
      migrationPasswordUntil: until,
    })
  })

  test('stands in the audit, before and after', async () => {
    await store.mailboxes.set(anna, { migrationPasswordUntil: until, login: 'anna' })
    await store.mailboxes.set(anna, { migrationPasswordUntil: null })
    const changes = (await store.audit.list({ subject: anna })).filter(({ action }) => action === 'mailbox.changed')
    expect(changes).toMatchObject([
      { before: { legacyPasswordUntil: null }, after: { legacyPasswordUntil: until } },
      { before: { login: null }, after: { login: 'anna' } },
      { before: { legacyPasswordUntil: until }, after: { legacyPasswordUntil: null } },
    ])
  })

  test('shows as the device "legacy" until it is over, revoked or disabled', async () => {
    await store.mailboxes.set(anna, { migrationPasswordUntil: until })
    expect(await migrationDeviceOf(anna)).toMatchObject({ name: 'legacy', state: 'legacy', scopes: ['imap', 'smtp'], expiresAt: until, lastConnection: null })
    await store.devices.disable(`${anna}/legacy`)
    expect(await migrationDeviceOf(anna)).toMatchObject({ state: 'disabled' })
    await store.devices.enable(`${anna}/legacy`)
    fixture.now = until
    expect(await migrationDeviceOf(anna)).toMatchObject({ state: 'expired' })
    expect(await moves(() => store.devices.revoke([`${anna}/legacy`]))).toBe(1)
    expect(await store.mailboxes.get(anna)).toMatchObject({ migrationPasswordUntil: null })
    await store.mailboxes.set(anna, { migrationPasswordUntil: until + 1 })
    expect(await migrationDeviceOf(anna)).toMatchObject({ state: 'legacy' })
  })

  test('ends with all devices of the mailbox', async () => {
    await store.mailboxes.set(anna, { migrationPasswordUntil: until })
    expect(await store.devices.revokeAll(anna)).toMatchObject([{ name: 'legacy', state: 'revoked' }])
  })

  test('leaves a device alone that had the name before', async () => {
    const { device } = await store.devices.add(anna, { name: 'Phone' })
    await fixture.query('update devices set name = ?, name_key = ? where id = ?', ['Legacy', 'legacy', device.id])
    await expect(store.mailboxes.set(anna, { migrationPasswordUntil: until })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      reason: 'migration.name-taken',
    })
    expect(await store.mailboxes.get(anna)).toMatchObject({ migrationPasswordUntil: null, devices: 1 })
  })
})

describe('the device "legacy"', () => {
  beforeEach(() => store.mailboxes.set(anna, { migrationPasswordUntil: until }))

  test('is found at every login, with nothing that a secret could fit', async () => {
    for (const text of ['upstream-marker', '', 'k7mqx2pd9rtfh4wzc8nb']) {
      const record = await gateway.findLogin(anna, secret(text))
      expect(record?.devices).toMatchObject([{ kind: 'legacy', phc: '', tag: Buffer.alloc(0), expiresAt: until }])
    }
  })

  test('takes scopes and networks, but no password, no other name and no life without end', async () => {
    expect(await store.devices.set(`${anna}/legacy`, { scopes: ['imap'], allowFrom: ['10.0.0.0/8'] })).toMatchObject({
      state: 'legacy',
      scopes: ['imap'],
      expiresAt: until,
    })
    const refused = { code: 'BAD_INPUT', reason: 'migration.device' }
    await expect(store.devices.setPassword(`${anna}/legacy`)).rejects.toMatchObject(refused)
    await expect(store.devices.setPassword(`${anna}/legacy`, { password: secret('sixteen-and-more-1') })).rejects.toMatchObject(refused)
    await expect(store.devices.rename(`${anna}/legacy`, 'old')).rejects.toMatchObject(refused)
    await expect(store.devices.set(`${anna}/legacy`, { expiresAt: null })).rejects.toMatchObject(refused)
    expect(await migrationDeviceOf(anna)).toMatchObject({ name: 'legacy', expiresAt: until })
  })

  test('does not count as one with a chosen password, and its name is nobody else’s', async () => {
    expect(await store.devices.add(anna, { name: 'Phone', password: secret('sixteen-and-more-1') })).toMatchObject({ device: { state: 'active' } })
    await expect(store.devices.add('anna@example.com', { name: ' LEGACY' })).rejects.toMatchObject({ code: 'BAD_INPUT' })
    await expect(store.devices.rename(`${anna}/Phone`, 'Legacy')).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })
})

describe('a whole domain', () => {
  test('gets its date in parts, other domains do not', async () => {
    const rows = Array.from({ length: 450 }, (_, at) => `('m${at}', 'm${at}@many.example', 'many.example', 'main', 'active', 0)`)
    await fixture.query(`insert into mailboxes (id, address, domain, upstream, state, created_at) values ${rows.join()}`)
    const seen: number[] = []
    const result = await store.migrationPasswords.setForDomain('many.example', until, ({ done, total }) => seen.push(done / total))
    expect(result).toEqual({ mailboxes: 450, changed: 450 })
    expect(seen).toEqual([200 / 450, 400 / 450, 1])
    expect(await store.mailboxes.get(anna)).toMatchObject({ migrationPasswordUntil: null })
    await store.mailboxes.set('m7@many.example', { migrationPasswordUntil: null })
    expect(await store.migrationPasswords.setForDomain('many.example', until)).toEqual({ mailboxes: 450, changed: 1 })
    expect(await store.migrationPasswords.setForDomain('many.example', null)).toEqual({ mailboxes: 450, changed: 450 })
    await expect(store.migrationPasswords.setForDomain('any.example', until)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

test('who still uses it is listed, the latest first, who never did last', async () => {
  for (const name of ['berta', 'clara', 'dora']) await store.mailboxes.add({ address: `${name}@example.com`, upstream: 'main', migrationPasswordUntil: until })
  await store.devices.add('clara@example.com', { name: 'Phone' })
  const batch = { activity: [], sessions: [], endedSessions: [] }
  for (const [name, at] of [
    ['clara', 1000],
    ['dora', 2000],
  ] as const) {
    const device = (await migrationDeviceOf(`${name}@example.com`))!.id
    await gateway.record({ ...batch, connections: [{ device, at: fixture.now + at, ip: '192.0.2.1', protocol: 'imap', app: 'Outlook', tls: null }] })
  }
  expect(await store.migrationPasswords.list()).toEqual([
    expect.objectContaining({ address: 'dora@example.com', devices: 0, sessions: 0, lastConnection: expect.objectContaining({ at: fixture.now + 2000 }) }),
    expect.objectContaining({ address: 'clara@example.com', devices: 1, lastConnection: expect.objectContaining({ ip: '192.0.2.1', app: 'Outlook' }) }),
    expect.objectContaining({ address: 'berta@example.com', until, state: 'legacy', lastConnection: null }),
  ])
})
