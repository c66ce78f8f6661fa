import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Store } from '../open-store.ts'
import { ACTOR, StoreFixture, secret } from '../store-fixture.ts'
import type { AuditFilter } from './audit.ts'

const anna = 'anna@example.com'
let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
})
afterEach(() => fixture.remove())

/** One of every change, with secrets that carry a marker. Returns everything that must not be found. */
async function changeEverything(): Promise<string[]> {
  await store.mailboxes.add({ address: anna, upstream: 'main', secret: secret('MARKER-upstream-1') })
  await store.mailboxes.set(anna, { secret: secret('MARKER-upstream-2'), login: 'anna.a', state: 'disabled' })
  const chosen = await store.devices.add(anna, { name: 'Scanner', password: secret('MARKER-chosen-secret') })
  const generated = await store.devices.add(anna, { name: 'Phone' })
  await store.devices.rename(generated.device.id, 'Handy')
  await store.users.add({ login: 'Anna', name: 'Anna A.' })
  await store.devices.set(generated.device.id, { scopes: ['imap'], expiresAt: fixture.now, allowFrom: ['10.0.0.0/8'] })
  const again = await store.devices.setPassword(generated.device.id)
  await store.devices.disable(generated.device.id)
  await store.devices.enable(generated.device.id)
  await store.sessions.kick({ device: generated.device.id })
  await store.devices.set(generated.device.id, { user: 'anna' })
  await store.users.set('anna', { name: 'Anna B.', maySend: false })
  await store.sending.set({ device: generated.device.id }, { senders: ['own', '*@Example.com'] })
  await store.sending.set({ mailbox: anna }, { recipientsPerDay: 100 })
  await store.users.remove('anna', { unlink: true })
  await store.keys.rotate()
  await store.devices.revoke([generated.device.id])
  await store.devices.revokeAll(anna)
  await store.mailboxes.remove(anna)
  const passwords = [chosen, generated, again].map(({ password }) => password.reveal().toString())
  return ['MARKER', 'argon2', ...passwords, ...passwords.map(text => text.replaceAll('-', ''))]
}

test('every change leaves a row: who, from where, what, before and after', async () => {
  await changeEverything()
  const rows = await store.audit.list()
  expect(rows.map(({ action, subject }) => [action, subject])).toEqual([
    ['store.created', 'store'],
    ['mailbox.added', anna],
    ['mailbox.changed', anna],
    ['device.added', `${anna}/Scanner`],
    ['device.added', `${anna}/Phone`],
    ['device.renamed', `${anna}/Phone`],
    ['user.added', 'anna'],
    ['device.changed', `${anna}/Handy`],
    ['device.password', `${anna}/Handy`],
    ['device.disabled', `${anna}/Handy`],
    ['device.enabled', `${anna}/Handy`],
    ['device.kicked', `${anna}/Handy`],
    ['device.changed', `${anna}/Handy`],
    ['user.changed', 'anna'],
    ['user.sending', 'anna'],
    ['device.sending', `${anna}/Handy`],
    ['mailbox.sending', anna],
    ['device.changed', `${anna}/Handy`],
    ['user.removed', 'anna'],
    ['key.rotation-begun', 'store'],
    ['key.rotated', 'store'],
    ['device.revoked', `${anna}/Handy`],
    ['device.revoked', `${anna}/Scanner`],
    ['mailbox.removed', anna],
  ])
  expect(rows.every(({ actor, source, at }) => actor === ACTOR.name && source === ACTOR.source && at === fixture.now)).toBe(true)
  expect(rows[2]).toMatchObject({
    before: { login: null, state: 'active', secret: 'stored' },
    after: { login: 'anna.a', state: 'disabled', secret: 'replaced' },
  })
  expect(rows.find(({ action }) => action === 'device.changed')).toMatchObject({
    before: { scopes: ['imap', 'smtp'], expiresAt: null, allowFrom: [] },
    after: { scopes: ['imap'], expiresAt: fixture.now, allowFrom: ['10.0.0.0/8'] },
  })
})

test('no secret, hash or key is in the audit, and no clear secret anywhere in the database', async () => {
  const forbidden = await changeEverything()
  const key = readFileSync(`${fixture.dir}/keys/master.key`, 'latin1').trim()
  const audit = JSON.stringify(await store.audit.list())
  for (const text of [...forbidden, key]) expect(audit.includes(text), text).toBe(false)
  await store.close()
  const everything = await fixture.contents()
  for (const text of [...forbidden.filter(text => text !== 'argon2'), key]) expect(everything.includes(text), text).toBe(false)
})

test('can be asked for by address, device, ID and time', async () => {
  await changeEverything()
  const rows = await store.audit.list()
  const phone = rows.find(({ subject }) => subject === `${anna}/Phone`)?.subjectId ?? ''
  const actions = async (subject: string): Promise<string[]> => (await store.audit.list({ subject })).map(({ action }) => action)
  expect(await actions(`${anna}/Scanner`)).toEqual(['device.added', 'device.revoked'])
  expect(await actions(phone)).toHaveLength(11)
  expect(await actions(anna)).toHaveLength(17)
  expect(await actions('anna')).toEqual(['user.added', 'user.changed', 'user.sending', 'user.removed'])
  expect(await actions('ann@example.com')).toEqual([])
  expect(await store.audit.list({ since: fixture.now + 1 })).toEqual([])
  expect((await store.audit.list({ limit: 2 })).map(({ action }) => action)).toEqual(['device.revoked', 'mailbox.removed'])
})

test('a change that fails leaves neither a row nor a change', async () => {
  await store.mailboxes.add({ address: anna, upstream: 'main' })
  const before = await store.audit.list()
  const { device } = await store.devices.add(anna, { name: 'Phone' })
  await expect(store.devices.revoke([device.id, 'zzzz'])).rejects.toThrow()
  expect((await store.audit.list()).length).toBe(before.length + 1)
  expect((await store.devices.get(device.id)).state).toBe('active')
})

test('rows can neither be changed nor deleted, by whatever program', async () => {
  const others = fixture.isFile ? 'insert or replace into audit select * from audit' : 'truncate audit'
  for (const statement of [`update audit set actor = 'nobody'`, 'delete from audit', others]) {
    await expect(fixture.query(statement), statement).rejects.toThrow(/append only/)
  }
  expect(await store.audit.list()).toHaveLength(1)
})

test('can be asked for by mailbox, device, actor and action, also for what is gone', async () => {
  await changeEverything()
  await store.mailboxes.add({ address: 'ann@example.com', upstream: 'main' })
  const rows = await store.audit.list()
  const phone = rows.find(({ subject }) => subject === `${anna}/Phone`)?.subjectId ?? ''
  const count = async (filter: AuditFilter): Promise<number> => (await store.audit.list(filter)).length
  expect(await count({ mailbox: 'Anna@Example.com' })).toBe(17)
  expect(await count({ mailbox: 'ann@example.com' })).toBe(1)
  expect(await count({ device: phone.toUpperCase() })).toBe(11)
  expect(await count({ device: `${anna}/scanner` })).toBe(2)
  const { device } = await store.devices.add('ann@example.com', { name: 'Tab' })
  await store.devices.rename(device.id, 'Tablet')
  expect(await count({ device: 'ann@example.com/tablet' })).toBe(2)
  expect(await count({ actor: 'root' })).toBe(rows.length + 2)
  expect(await count({ actor: 'cli' })).toBe(rows.length + 2)
  expect(await count({ actor: '%' })).toBe(0)
  expect(await count({ action: 'device.revoked' })).toBe(2)
  expect(await count({ action: 'device', mailbox: anna })).toBe(13)
  expect(await count({ action: 'dev' })).toBe(0)
})
