import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../../open-store.ts'
import { normaliseSecret } from '../../passwords/app-password.ts'
import { PasswordHasher } from '../../passwords/password-hash.ts'
import { StoreFixture, secret, type TestNode } from '../../store-fixture.ts'
import { deviceHasher } from './device-passwords.ts'

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

describe('a device', () => {
  test('is added with a generated password, for everything and for ever', async () => {
    const { device, password } = await store.devices.add('Anna@example.com', { name: '  Phone ' })
    expect(password.reveal().toString()).toMatch(/^([a-z2-9]{4}-){4}[a-z2-9]{4}$/)
    expect(device).toEqual({
      id: device.id,
      mailbox: anna,
      name: 'Phone',
      state: 'active',
      scopes: ['imap', 'smtp'],
      user: null,
      mailboxState: 'active',
      userState: null,
      expiresAt: null,
      allowFrom: [],
      kind: 'generated',
      createdAt: fixture.now,
      passwordChangedAt: fixture.now,
      revokedAt: null,
      lastConnection: null,
      sessions: 0,
    })
    expect(await store.devices.list()).toEqual([device])
  })

  test('is limited as it was asked', async () => {
    const { device } = await store.devices.add(anna, {
      name: 'Scanner',
      scopes: ['smtp'],
      expiresAt: fixture.now + 1,
      allowFrom: ['192.0.2.1', '2001:DB8::/32'],
    })
    expect(device).toMatchObject({ scopes: ['smtp'], allowFrom: ['192.0.2.1/32', '2001:db8::/32'], state: 'active' })
    fixture.now += 1
    expect((await store.devices.get(device.id)).state).toBe('expired')
  })

  test.each([
    [{ name: '' }, /1 to 100 printable/],
    [{ name: 'x'.repeat(101) }, /1 to 100 printable/],
    [{ name: 'a/b' }, /no "\/"/],
    [{ name: 'a\u0007b' }, /printable/],
    [{ name: 'a\u202eb' }, /printable/],
    [{ name: 'Phone', scopes: [] }, /at least one scope/],
    [{ name: 'Phone', scopes: ['pop3' as 'imap'] }, /not a scope: there are imap and smtp/],
    [{ name: 'Phone', allowFrom: ['10.0.0.0/33'] }, /10\.0\.0\.0\/33/],
    [{ name: 'Phone', password: secret('too short') }, /use 16 or more/],
    [{ name: 'My grandmothers phone', password: secret('my GRANDMOTHERS phone') }, /the address or the name/],
  ])('is refused with %j', async (device, reason) => {
    await expect(store.devices.add(anna, device)).rejects.toMatchObject({ code: 'BAD_INPUT', message: expect.stringMatching(reason) })
    expect(await store.devices.list()).toEqual([])
  })

  test('needs a mailbox', async () => {
    await expect(store.devices.add('berta@example.com', { name: 'Phone' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('has a name of its own, which is free again once it is revoked', async () => {
    const { device } = await store.devices.add(anna, { name: 'Phone' })
    await expect(store.devices.add(anna, { name: 'PHONE' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
    const { device: second } = await store.devices.add(anna, { name: 'Tablet' })
    await expect(store.devices.rename(second.id, 'phone')).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
    await store.devices.rename(device.id, 'PHONE')
    await store.devices.revoke([device.id])
    await store.devices.rename(second.id, 'phone')
    expect((await store.devices.get(`${anna}/Phone`)).id).toBe(second.id)
  })

  test('is named by ID, unambiguous beginning of it, or ADDRESS/NAME', async () => {
    const made = []
    for (let n = 0; n < 3; n++) made.push((await store.devices.add(anna, { name: `Device ${n}` })).device)
    const [first] = made
    expect(await store.devices.get(first!.id)).toEqual(first)
    expect(await store.devices.get(first!.id.slice(0, 12).toUpperCase())).toEqual(first)
    expect(await store.devices.get('ANNA@example.com/DEVICE 0')).toEqual(first)
    for (const ref of ['zzzz', 'anna@example.com/Nothing', 'berta@example.com/Device 0']) {
      await expect(store.devices.get(ref)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    }
    for (const ref of ['', 'no such!', '%', 'anna@example.com']) await expect(store.devices.get(ref)).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test('an ambiguous beginning names the candidates', async () => {
    // 33 devices and 32 letters: two begin alike.
    const first = new Map<string, string>()
    for (;;) {
      const { device } = await store.devices.add(anna, { name: `Device ${first.size}` })
      const known = first.get(device.id.slice(0, 1))
      first.set(device.id.slice(0, 1), device.id)
      if (known === undefined) continue
      await expect(store.devices.get(device.id.slice(0, 1))).rejects.toMatchObject({
        code: 'AMBIGUOUS_ID',
        message: expect.stringMatching(new RegExp(`${[known, device.id].sort().join('.*anna@example.com/.*')}`)),
      })
      return
    }
  }, 20_000)

  test('is found unused when it never connected or long ago', async () => {
    const old = (await store.devices.add(anna, { name: 'Old' })).device
    const used = (await store.devices.add(anna, { name: 'Used' })).device
    fixture.now += 100
    const fresh = (await store.devices.add(anna, { name: 'Fresh' })).device
    const connections = [{ device: used.id, at: fixture.now, ip: '192.0.2.1', protocol: 'imap' as const, app: 'Mutt 2.2', tls: 'TLSv1.3' }]
    await gateway.record({ connections, activity: [], sessions: [], endedSessions: [] })
    const names = async (unusedSince: number): Promise<string[]> => (await store.devices.list({ unusedSince })).map(({ name }) => name)
    expect(await names(fixture.now - 50)).toEqual(['Old'])
    expect(await names(fixture.now + 1)).toEqual(['Fresh', 'Old', 'Used'])
    expect(await store.devices.get(used.id)).toMatchObject({
      lastConnection: { at: fixture.now, ip: '192.0.2.1', protocol: 'imap', app: 'Mutt 2.2', tls: 'TLSv1.3', node: gateway.node },
    })
    expect([old.lastConnection, fresh.lastConnection]).toEqual([null, null])
  })
})

describe('a password', () => {
  const chosen = 'correct horse battery'

  test('may be chosen, is kept as a hash only, and proves the device', async () => {
    const { device, password } = await store.devices.add(anna, { name: 'Scanner', password: secret(chosen) })
    expect(password.reveal().toString()).toBe(chosen)
    expect(device.kind).toBe('chosen')
    const [found] = (await gateway.findLogin(anna, secret(chosen)))?.devices ?? []
    expect(found?.tag).toHaveLength(1)
    expect(await new PasswordHasher().verify(found?.phc ?? '', secret(chosen))).toBe(true)
  })

  test('changes for good: the old one is no candidate any more', async () => {
    const { device, password: old } = await store.devices.add(anna, { name: 'Phone' })
    fixture.now += 1000
    const { device: changed, password } = await store.devices.setPassword(device.id)
    expect(changed).toMatchObject({ id: device.id, passwordChangedAt: fixture.now, kind: 'generated' })
    expect((await gateway.findLogin(anna, normaliseSecret(old)))?.devices).toEqual([])
    const [found] = (await gateway.findLogin(anna, normaliseSecret(password)))?.devices ?? []
    expect(found).toMatchObject({ id: device.id, passwordVersion: 2 })
  })

  test('is not chosen twice in a mailbox, not even after revocation', async () => {
    const { device } = await store.devices.add(anna, { name: 'Scanner', password: secret(chosen) })
    await expect(store.devices.add(anna, { name: 'Printer', password: secret(chosen) })).rejects.toThrow(/"Scanner" has that password: choose another/)
    await expect(store.devices.setPassword(device.id, { password: secret(chosen) })).rejects.toThrow(/has that password now/)
    await store.devices.revoke([device.id])
    await expect(store.devices.add(anna, { name: 'Printer', password: secret(chosen) })).rejects.toThrow(/revoked device "Scanner"/)
    await store.mailboxes.add({ address: 'berta@example.com', upstream: 'main' })
    await store.devices.add('berta@example.com', { name: 'Scanner', password: secret(chosen) })
  })

  test('is chosen at most twelve times in a mailbox', async () => {
    const devices = []
    for (let n = 0; n < 12; n++) devices.push((await store.devices.add(anna, { name: `Device ${n}`, password: secret(`a chosen secret ${n}`) })).device)
    await expect(store.devices.add(anna, { name: 'One more', password: secret(chosen) })).rejects.toThrow(/12 devices with chosen passwords/)
    await store.devices.setPassword(devices[0]!.id, { password: secret(chosen) })
    await store.devices.add(anna, { name: 'Generated' })
    await store.devices.revoke([devices[1]!.id])
    await store.devices.add(anna, { name: 'One more', password: secret('another chosen secret') })
  }, 20_000)

  test('is generated only, where that is the policy', async () => {
    const strict = await fixture.open({ generatedOnly: true })
    await expect(strict.devices.add(anna, { name: 'Phone', password: secret(chosen) })).rejects.toThrow(/generated app passwords only/)
    await strict.devices.add(anna, { name: 'Phone' })
  })
})

describe('revocation', () => {
  test('is for good', async () => {
    const { device } = await store.devices.add(anna, { name: 'Phone' })
    expect(await store.devices.revoke([`${anna}/Phone`])).toMatchObject([{ id: device.id, state: 'revoked', revokedAt: fixture.now }])
    for (const change of ['enable', 'disable', 'setPassword'] as const) await expect(store.devices[change](device.id)).rejects.toThrow(/is revoked, for good/)
    await expect(store.devices.rename(device.id, 'Other')).rejects.toThrow(/is revoked/)
    await expect(store.devices.set(device.id, { scopes: ['imap'] })).rejects.toThrow(/is revoked/)
    expect(await store.devices.list()).toEqual([])
    expect(await store.devices.list({ revoked: true })).toHaveLength(1)
    fixture.now += 5000
    expect(await store.devices.revoke([device.id])).toMatchObject([{ revokedAt: fixture.now - 5000 }])
  })

  test('takes all or none', async () => {
    const { device } = await store.devices.add(anna, { name: 'Phone' })
    await expect(store.devices.revoke([device.id, 'zzzzzz'])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await store.devices.get(device.id)).state).toBe('active')
  })

  test('of a whole mailbox leaves other mailboxes alone', async () => {
    await store.mailboxes.add({ address: 'berta@example.com', upstream: 'main' })
    for (const name of ['Phone', 'Tablet']) await store.devices.add(anna, { name })
    await store.devices.add('berta@example.com', { name: 'Phone' })
    expect((await store.devices.revokeAll(anna)).map(({ name }) => name)).toEqual(['Phone', 'Tablet'])
    expect((await store.devices.list()).map(({ mailbox }) => mailbox)).toEqual(['berta@example.com'])
    expect(await store.devices.revokeAll(anna)).toEqual([])
  })
})

test('the generation moves with what can end a session, once a command, and only then', async () => {
  const { devices } = store
  const moves = async (act: () => Promise<unknown>): Promise<number> => {
    const before = await gateway.readGeneration()
    await act()
    return (await gateway.readGeneration()) - before
  }
  let id = ''
  expect(await moves(async () => (id = (await devices.add(anna, { name: 'Phone' })).device.id))).toBe(0)
  await devices.add(anna, { name: 'Tablet' })
  expect(await moves(() => devices.rename(id, 'Handy'))).toBe(0)
  expect(await moves(() => devices.list())).toBe(0)
  expect(await moves(() => devices.set(id, {}))).toBe(0)
  expect(await moves(() => devices.set(id, { scopes: ['imap'] }))).toBe(1)
  expect(await moves(() => devices.set(id, { expiresAt: fixture.now + 1000 }))).toBe(1)
  expect(await moves(() => devices.set(id, { allowFrom: ['10.0.0.0/8'] }))).toBe(1)
  expect(await moves(() => devices.set(id, { allowFrom: ['10.0.0.0/8'] }))).toBe(0)
  expect(await moves(() => devices.setPassword(id))).toBe(1)
  expect(await moves(() => devices.disable(id))).toBe(1)
  expect(await moves(() => devices.disable(id))).toBe(0)
  expect(await moves(() => devices.enable(id))).toBe(0)
  expect(await moves(() => devices.revokeAll(anna))).toBe(1)
  expect(await moves(() => devices.revoke([id]))).toBe(0)
})

test('changes at the same time wait for each other', async () => {
  const { device } = await store.devices.add(anna, { name: 'Phone' })
  await Promise.all(Array.from({ length: 20 }, (_, n) => store.devices.set(device.id, { allowFrom: [`10.0.${n}.0/24`] })))
  expect((await store.audit.list()).filter(({ action }) => action === 'device.changed')).toHaveLength(20)
})

test('passwords that are made at once are hashed one after the other: the thread pool stays free', async () => {
  const running: number[] = []
  const adding = Array.from({ length: 6 }, async (_, at) => {
    await store.devices.prepare(anna, { name: `device ${at}` })
    running.push(deviceHasher().running)
  })
  const watch = setInterval(() => running.push(deviceHasher().running), 0)
  await Promise.all(adding)
  clearInterval(watch)
  expect(Math.max(...running)).toBeLessThanOrEqual(1)
})
