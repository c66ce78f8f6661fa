import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../../open-store.ts'
import { StoreFixture } from '../../store-fixture.ts'

const office = 'office@example.com'
let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.mailboxes.add({ address: office, upstream: 'main' })
  for (const login of ['anna', 'bert']) await store.users.add({ login })
})
afterEach(() => fixture.remove())

const signIn = async (login: string) =>
  (await store.portalSessions.start(login, { stage: 'full', agent: 'Browser', ip: '192.0.2.1', phc: null, by: 'passkey' }))?.token ??
  expect.fail('not signed in')
const generation = async () => Number((await fixture.query('select value from generation')).rows[0]?.['value'])

describe('roles', () => {
  test('are given and taken, for one domain or for everything', async () => {
    expect(await store.roles.grant('anna', { role: 'manager', domain: '@Bücher.example' })).toEqual({ isAdmin: false, domains: ['xn--bcher-kva.example'] })
    expect(await store.roles.grant('anna', { role: 'admin' })).toEqual({ isAdmin: true, domains: ['xn--bcher-kva.example'] })
    expect(await store.roles.list()).toMatchObject([
      { user: 'anna', role: 'admin', domain: null },
      { user: 'anna', role: 'manager', domain: 'xn--bcher-kva.example' },
    ])
    expect(await store.roles.list({ domain: 'bücher.example' })).toMatchObject([{ user: 'anna', role: 'manager' }])
    expect(await store.roles.revoke('anna', { role: 'manager', domain: 'bücher.example' })).toEqual({ isAdmin: true, domains: [] })
    expect(await store.audit.list({ subject: 'anna', action: 'user' })).toMatchObject([
      { action: 'user.added' },
      { action: 'user.role-given', after: { role: 'manager', domain: 'xn--bcher-kva.example' } },
      { action: 'user.role-given', after: { role: 'admin' } },
      { action: 'user.role-taken', before: { role: 'manager', domain: 'xn--bcher-kva.example' } },
    ])
  })

  test('given twice are one, and one row in the audit', async () => {
    await store.roles.grant('anna', { role: 'admin' })
    await store.roles.grant('anna', { role: 'admin' })
    expect(await store.audit.list({ action: 'user.role-given' })).toHaveLength(1)
  })

  test.each(['', 'not a domain', 'a@b@c'])('of the domain %j are refused', async domain => {
    await expect(store.roles.grant('anna', { role: 'manager', domain })).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test('the last administrator is neither lowered nor blocked nor removed', async () => {
    await store.roles.grant('anna', { role: 'admin' })
    await store.roles.grant('bert', { role: 'admin' })
    await store.users.block('bert')
    const last = { code: 'LAST_ADMINISTRATOR' }
    await expect(store.roles.revoke('anna', { role: 'admin' })).rejects.toMatchObject(last)
    await expect(store.users.block('anna')).rejects.toMatchObject(last)
    await expect(store.users.remove('anna')).rejects.toMatchObject(last)
    await store.users.unblock('bert')
    expect(await store.roles.revoke('anna', { role: 'admin' })).toEqual({ isAdmin: false, domains: [] })
  })

  test('whoever gets or loses one signs in again', async () => {
    const token = await signIn('anna')
    const other = await signIn('bert')
    await store.roles.grant('anna', { role: 'manager', domain: 'example.com' })
    expect(await store.portalSessions.find(token)).toBeUndefined()
    expect(await store.portalSessions.find(other)).toMatchObject({ user: { login: 'bert' } })
  })

  test('with a role go the open invitations that were made by it, those of other domains stay', async () => {
    await store.mailboxes.add({ address: 'info@example.org', upstream: 'main' })
    for (const domain of ['example.com', 'example.org']) await store.roles.grant('anna', { role: 'manager', domain })
    for (const mailbox of [office, 'info@example.org']) await store.invitations.add({ kind: 'device', mailbox, by: 'anna' })
    await store.roles.revoke('anna', { role: 'manager', domain: 'example.com' })
    expect((await store.invitations.page({ filter: { stage: 'open' } })).rows).toMatchObject([{ mailbox: 'info@example.org' }])
  })
})

describe('rights', () => {
  test('are given, changed one by one, and listed from both sides', async () => {
    expect(await store.rights.get('anna', office)).toEqual({ use: false, make: false, see: false, send: false, manage: false })
    await store.rights.set('anna', office, { use: true, send: true })
    expect(await store.rights.set('anna', office, { make: true })).toEqual({ use: true, make: true, see: false, send: true, manage: false })
    expect(await store.rights.of('anna')).toEqual([{ mailbox: office, use: true, make: true, see: false, send: true, manage: false }])
    expect(await store.rights.at(office)).toMatchObject([{ user: 'anna', state: 'active', make: true }])
    expect(await store.audit.list({ mailbox: office, action: 'mailbox.rights' })).toMatchObject([
      { subject: `${office}/anna`, before: { use: false, send: false }, after: { use: true, send: true } },
      { before: { make: false }, after: { make: true } },
    ])
  })

  test('without any right left the person is to be removed', async () => {
    await store.rights.set('anna', office, { use: true })
    await expect(store.rights.set('anna', office, { use: false })).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test('the right to send moves the generation, so that live sessions read again', async () => {
    await store.rights.set('anna', office, { use: true, send: true })
    const before = await generation()
    await store.rights.set('anna', office, { see: true })
    expect(await generation()).toBe(before)
    await store.rights.set('anna', office, { send: false })
    expect(await generation()).toBe(before + 1)
  })

  test('of somebody with devices are not taken before it is said what becomes of them', async () => {
    await store.rights.set('anna', office, { use: true })
    const { device } = await store.devices.add(office, { name: 'Phone', user: 'anna' })
    await expect(store.rights.remove('anna', office)).rejects.toMatchObject({ code: 'STILL_LINKED' })
    expect(await store.rights.remove('anna', office, { devices: 'revoke' })).toEqual({ devices: [`${office}/Phone`] })
    expect(await store.devices.get(device.id)).toMatchObject({ state: 'revoked' })
    expect(await store.rights.at(office)).toEqual([])
  })

  test('devices that are kept lose their user, but not from somebody who is blocked', async () => {
    await store.rights.set('anna', office, { use: true })
    const { device } = await store.devices.add(office, { name: 'Phone', user: 'anna' })
    await store.users.block('anna')
    await expect(store.rights.remove('anna', office, { devices: 'unlink' })).rejects.toMatchObject({ code: 'STILL_LINKED' })
    await store.users.unblock('anna')
    const before = await generation()
    await store.rights.remove('anna', office, { devices: 'unlink' })
    expect(await store.devices.get(device.id)).toMatchObject({ state: 'active', user: null })
    expect(await generation()).toBe(before + 1)
  })

  test('with the right to manage go the open invitations that were made by it', async () => {
    await store.rights.set('anna', office, { use: true, manage: true })
    await store.invitations.add({ kind: 'device', mailbox: office, by: 'anna' })
    await store.rights.set('anna', office, { manage: false })
    expect((await store.invitations.page({ filter: { stage: 'open' } })).rows).toEqual([])
  })

  test('go with the mailbox and with the person', async () => {
    await store.mailboxes.add({ address: 'info@example.com', upstream: 'main' })
    for (const login of ['anna', 'bert']) for (const mailbox of [office, 'info@example.com']) await store.rights.set(login, mailbox, { use: true })
    await store.mailboxes.remove('info@example.com')
    await store.users.remove('bert')
    expect((await fixture.query('select count(*) as n from rights')).rows).toEqual([{ n: 1 }])
  })
})

test('whoever is blocked is signed out, and the invitations that he made or got are worth nothing', async () => {
  const token = await signIn('anna')
  const { token: link } = await store.invitations.add({ kind: 'device', mailbox: office, by: 'anna' })
  const { token: start } = await store.invitations.add({ kind: 'start', user: 'anna' })
  await store.users.block('anna')
  await store.users.unblock('anna')
  expect(await store.portalSessions.find(token)).toBeUndefined()
  for (const secret of [link, start]) expect(secret === null ? undefined : await store.invitations.find(secret)).toBeUndefined()
})
