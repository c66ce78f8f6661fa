import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId } from '../../../base/ids.ts'
import type { Store } from '../../open-store.ts'
import { normaliseSecret } from '../../passwords/app-password.ts'
import { StoreFixture, type TestNode } from '../../store-fixture.ts'

const anna = 'anna@example.com'
let fixture: StoreFixture
let store: Store
let gateway: TestNode

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  gateway = await fixture.openNode()
  await store.mailboxes.add({ address: anna, upstream: 'main' })
})
afterEach(() => fixture.remove())

/** How far the generation moves. */
async function moves(act: () => Promise<unknown>): Promise<number> {
  const before = await gateway.readGeneration()
  await act()
  return (await gateway.readGeneration()) - before
}

describe('a user', () => {
  test('has a login, perhaps a name, and may send unless it is said otherwise', async () => {
    const user = await store.users.add({ login: ' Anna ', name: ' Anna  Arendt ' })
    expect(user).toEqual({
      id: user.id,
      login: 'anna',
      name: 'Anna  Arendt',
      state: 'active',
      maySend: true,
      createdAt: fixture.now,
      devices: 0,
      sending: { maySend: true, senders: null, checksFrom: false, recipientsPerMessage: null, recipientsPerDay: null, sentToday: 0 },
    })
    await store.users.add({ login: 'Berta@Example.com', maySend: false })
    expect((await store.users.list()).map(({ login, name, maySend }) => [login, name, maySend])).toEqual([
      ['anna', 'Anna  Arendt', true],
      ['berta@example.com', null, false],
    ])
    expect(await store.users.find('ANNA')).toEqual(user)
    expect(await store.users.find('nobody')).toBeUndefined()
    await expect(store.users.get('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'user.unknown', facts: { login: 'nobody' } })
    await expect(store.users.add({ login: 'ANNA' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  })

  test.each(['', 'an na', '-anna', 'anna/phone', 'anna@', 'none', 'NONE', 'x'.repeat(65), 'añna'])('cannot be called “%s”', async login => {
    await expect(store.users.add({ login })).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test('changes name and right; only the right moves the generation', async () => {
    await store.users.add({ login: 'anna', name: 'Anna' })
    expect(await moves(() => store.users.set('anna', { name: 'Anna B.' }))).toBe(0)
    expect(await moves(() => store.users.set('anna', { maySend: false }))).toBe(1)
    expect(await moves(() => store.users.set('anna', { maySend: false, name: 'Anna B.' }))).toBe(0)
    expect(await store.users.get('anna')).toMatchObject({ name: 'Anna B.', maySend: false, sending: { maySend: false } })
    expect(await store.users.set('anna', { name: null, maySend: true })).toMatchObject({ name: null, maySend: true })
    await expect(store.users.set('anna', { name: 'a\u0007' })).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test('is linked to devices, of any mailbox, and is asked for by them', async () => {
    await store.users.add({ login: 'anna' })
    await store.mailboxes.add({ address: 'office@example.com', upstream: 'main' })
    const { device } = await store.devices.add(anna, { name: 'Phone', user: 'Anna' })
    expect(device.user).toBe('anna')
    await store.devices.add('office@example.com', { name: 'Tablet' })
    expect(await moves(() => store.devices.set('office@example.com/Tablet', { user: 'anna' }))).toBe(1)
    expect((await store.devices.list({ user: 'anna' })).map(({ mailbox, name, user }) => [mailbox, name, user])).toEqual([
      [anna, 'Phone', 'anna'],
      ['office@example.com', 'Tablet', 'anna'],
    ])
    expect((await store.users.get('anna')).devices).toBe(2)
    expect(await store.devices.set('office@example.com/Tablet', { user: null })).toMatchObject({ user: null })
    expect(await store.devices.set(device.id, { scopes: ['imap'] })).toMatchObject({ user: 'anna' })
    for (const link of [
      () => store.devices.add(anna, { name: 'Other', user: 'nobody' }),
      () => store.devices.set(device.id, { user: 'nobody' }),
      () => store.devices.list({ user: 'nobody' }),
    ]) {
      await expect(link()).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('no user nobody') })
    }
    expect(await store.devices.list({ mailbox: anna })).toHaveLength(1)
  })

  test('stays while devices are linked, unless they are to be unlinked', async () => {
    await store.users.add({ login: 'anna', maySend: false })
    const { device } = await store.devices.add(anna, { name: 'Phone', user: 'anna' })
    await expect(store.users.remove('anna')).rejects.toMatchObject({
      code: 'STILL_LINKED',
      message: expect.stringContaining(`${anna}/Phone (${device.id})`),
      remedy: expect.stringContaining('--unlink'),
    })
    expect((await store.devices.get(device.id)).user).toBe('anna')
    expect(await moves(() => store.users.remove('anna', { unlink: true }))).toBe(1)
    expect((await store.devices.get(device.id)).user).toBeNull()
    expect((await gateway.readSendingTerms(device.id)).rules.map(({ of }) => of).sort()).toEqual(['device', 'mailbox'])
    expect((await fixture.query('select * from sending_rules')).rows).toEqual([])
  })

  test('does not stay for devices that are revoked', async () => {
    await store.users.add({ login: 'anna' })
    const { device } = await store.devices.add(anna, { name: 'Phone', user: 'anna' })
    await store.devices.revoke([device.id])
    expect((await store.users.get('anna')).devices).toBe(0)
    expect(await store.users.remove('anna')).toEqual({ unlinked: [] })
    expect((await store.devices.get(device.id)).user).toBeNull()
  })
})

describe('a blocked user', () => {
  const status = async (id: DeviceId) => (await gateway.findDeviceStatuses([id])).get(id)?.userState

  test('takes the linked devices along, and lets them in again once unblocked; others are not concerned', async () => {
    await store.users.add({ login: 'anna' })
    const { device, password } = await store.devices.add(anna, { name: 'Phone', user: 'anna' })
    const other = await store.devices.add(anna, { name: 'Tablet' })
    expect(await moves(() => store.users.block('Anna'))).toBe(1)
    expect(await store.users.get('anna')).toMatchObject({ state: 'blocked', devices: 1 })
    expect([await status(device.id), await status(other.device.id)]).toEqual(['blocked', null])
    expect((await gateway.findLogin(anna, normaliseSecret(password)))?.devices).toMatchObject([{ state: 'active', userState: 'blocked' }])
    expect(await store.devices.get(device.id)).toMatchObject({ state: 'active', user: 'anna', userState: 'blocked' })
    expect(await moves(() => store.users.block('anna'))).toBe(0)
    expect(await moves(() => store.users.unblock('anna'))).toBe(1)
    expect(await status(device.id)).toBe('active')
    expect((await store.audit.list()).slice(-2)).toMatchObject([
      { action: 'user.blocked', subject: 'anna', before: { state: 'active' }, after: { state: 'blocked' } },
      { action: 'user.unblocked', subject: 'anna', before: { state: 'blocked' }, after: { state: 'active' } },
    ])
    await expect(store.users.block('berta')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('is not removed in a way that lets the devices in again', async () => {
    await store.users.add({ login: 'anna' })
    const { device } = await store.devices.add(anna, { name: 'Phone', user: 'anna' })
    await store.users.block('anna')
    await expect(store.users.remove('anna', { unlink: true })).rejects.toMatchObject({ code: 'STILL_LINKED', message: expect.stringContaining('get in again') })
    expect(await status(device.id)).toBe('blocked')
    await store.devices.revoke([device.id])
    expect(await store.users.remove('anna')).toEqual({ unlinked: [] })
  })
})
