/** What a restore does to roles, rights and to how people sign in: nothing that ended since the backup comes back, nothing works twice. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Secret } from '../../base/secret.ts'
import { keyFilePath } from '../keys/master-key.ts'
import type { Store } from '../open-store.ts'
import { ACTOR, StoreFixture, secret } from '../store-fixture.ts'
import { restoreStore } from './restore.ts'

const office = 'office@example.com'
const passkey = { credentialId: 'credential-1', publicKey: new Uint8Array([1]), counter: 5, transports: [], name: 'Laptop' }
let fixture: StoreFixture
let store: Store
let file: string

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  file = join(fixture.dir, 'backup.db')
  await store.mailboxes.add({ address: office, upstream: 'main' })
  for (const login of ['anna', 'bert']) await store.users.add({ login })
})
afterEach(() => fixture.remove())

const restore = (changes = {}) => restoreStore({ config: fixture.config, keyring: fixture.loadKeyring(), actor: ACTOR, file, now: fixture.clock, ...changes })
const open = (token: Secret | null) => store.invitations.find(token ?? secret(''))
const signIn = async () =>
  (await store.portalSessions.start('anna', { stage: 'full', agent: '', ip: '192.0.2.1', phc: null, by: 'passkey' }))?.token ?? expect.fail()

describe.each(['keep', 'undo'] as const)('whichever way rights are treated: %s', rights => {
  test('every session of the portal ends, those of the backup do not come back', async () => {
    const before = await signIn()
    await store.backup(file)
    await store.portalSessions.leave(before)
    const now = await signIn()
    await restore({ rights })
    for (const token of [before, now]) expect(await store.portalSessions.find(token)).toBeUndefined()
  })

  test('password and authenticator are those of now; a code that was used is not taken again', async () => {
    await store.credentials.setPassword('anna', 'old')
    await store.credentials.setTotp('anna', secret('seed'), 100)
    await store.credentials.setTotp('bert', secret('seed'), 100)
    await store.backup(file)
    await store.credentials.setPassword('anna', 'new')
    const { user } = (await store.credentials.find('anna')) ?? expect.fail()
    await store.credentials.takeTotpStep(user.id, 200)
    await store.credentials.removeTotp('bert')
    await restore({ rights })
    expect(await store.credentials.find('anna')).toMatchObject({ phc: 'new', hasTotp: true, totpStep: 200 })
    expect((await store.credentials.openTotp('anna'))?.reveal().toString()).toBe('seed')
    expect(await store.credentials.find('bert')).toMatchObject({ hasTotp: false })
  })

  test('a passkey that was removed stays so; of one that is still there the counter does not go back', async () => {
    const kept = await store.passkeys.add('anna', passkey)
    const gone = await store.passkeys.add('anna', { ...passkey, credentialId: 'credential-2', name: 'Phone' })
    await store.backup(file)
    await store.passkeys.remove('anna', gone.id)
    await store.passkeys.use(kept.id, 9)
    await restore({ rights })
    expect(await store.passkeys.list('anna')).toMatchObject([{ name: 'Laptop', counter: 9 }])
  })

  test('recovery codes that were used or replaced are worth nothing', async () => {
    const [used, unused] = await store.recoveryCodes.replace('anna')
    const [replaced] = await store.recoveryCodes.replace('bert')
    await store.backup(file)
    await store.recoveryCodes.take('anna', used ?? secret(''))
    await store.recoveryCodes.replace('bert')
    await restore({ rights })
    expect(await store.recoveryCodes.take('anna', used ?? secret(''))).toBe(false)
    expect(await store.recoveryCodes.take('bert', replaced ?? secret(''))).toBe(false)
    expect(await store.recoveryCodes.take('anna', unused ?? secret(''))).toBe(true)
  })

  test('an invitation that was used, revoked or got another link is not open again', async () => {
    const make = async () => store.invitations.add({ kind: 'device', mailbox: office })
    const [used, revoked, minted, untouched] = [await make(), await make(), await make(), await make()]
    await store.backup(file)
    await store.acceptInvitation.withDevice(used.token ?? secret(''), { user: null, name: 'Phone' })
    await store.invitations.revoke(revoked.invitation.id)
    const fresh = await store.invitations.mint(minted.invitation.id)
    await restore({ rights })
    for (const { token } of [used, revoked, minted]) expect(await open(token)).toBeUndefined()
    for (const token of [fresh.token, untouched.token]) expect(await open(token)).toBeDefined()
  })

  test('a token that was revoked stays so', async () => {
    const [gone, kept] = [
      await store.apiTokens.add('anna', { name: 'A', scopes: ['read'] }),
      await store.apiTokens.add('anna', { name: 'B', scopes: ['read'] }),
    ]
    await store.backup(file)
    await store.apiTokens.revoke(gone.record.id)
    await restore({ rights })
    expect(await store.apiTokens.find(gone.token)).toBeUndefined()
    expect(await store.apiTokens.find(kept.token)).toBeDefined()
  })

  test('a person who was removed comes back without anything to sign in by', async () => {
    await store.credentials.setPassword('anna', 'phc')
    await store.passkeys.add('anna', passkey)
    const { token } = await store.apiTokens.add('anna', { name: 'A', scopes: ['read'] })
    await store.backup(file)
    await store.users.remove('anna')
    await restore({ rights })
    expect(await store.credentials.find('anna')).toMatchObject({ phc: null, passkeys: 0 })
    expect(await store.apiTokens.find(token)).toBeUndefined()
  })

  test('what was done once is not done again, and mail that was sent not sent again', async () => {
    await store.notices.add({ recipient: 'anna@example.com', cause: 'c', kind: 'new-device', user: null, payload: {} })
    await store.backup(file)
    await store.once.take({ hash: 'form', lifetimeMs: 3_600_000 })
    for (const { id } of await store.notices.claim(10)) await store.notices.sent(id)
    await restore({ rights })
    expect(await store.once.take({ hash: 'form', lifetimeMs: 3_600_000 })).toMatchObject({ is: 'done' })
    expect(await store.notices.counts()).toEqual({ waiting: 0, failed: 0 })
  })
})

describe('rights that were taken since the backup', () => {
  beforeEach(async () => {
    await store.roles.grant('anna', { role: 'admin' })
    await store.roles.grant('bert', { role: 'admin' })
    await store.roles.grant('bert', { role: 'manager', domain: 'example.com' })
    await store.rights.set('anna', office, { use: true, send: true, manage: true })
    await store.rights.set('bert', office, { use: true, send: true })
    await store.aliases.add(office, 'info@example.com')
    await store.backup(file)
    await store.roles.revoke('bert', { role: 'admin' })
    await store.rights.set('anna', office, { manage: false })
    await store.rights.remove('bert', office)
    await store.aliases.remove(office, 'info@example.com')
  })

  test('stay taken', async () => {
    await store.roles.grant('bert', { role: 'manager', domain: 'example.org' })
    await restore()
    expect(await store.roles.of('bert')).toEqual({ isAdmin: false, domains: ['example.com'] })
    expect(await store.rights.of('anna')).toMatchObject([{ use: true, send: true, manage: false }])
    expect(await store.rights.of('bert')).toEqual([])
    expect(await store.aliases.of(office)).toEqual([])
  })

  test('come back where that was asked for', async () => {
    await restore({ rights: 'undo' })
    expect(await store.roles.of('bert')).toEqual({ isAdmin: true, domains: ['example.com'] })
    expect(await store.rights.of('anna')).toMatchObject([{ manage: true }])
    expect(await store.rights.of('bert')).toMatchObject([{ use: true }])
    expect(await store.aliases.of(office)).toEqual(['info@example.com'])
  })

  test('with the person stay away, with the mailbox come back', async () => {
    await store.rights.set('bert', office, { use: true })
    await store.users.remove('bert')
    await store.mailboxes.remove(office)
    await restore()
    expect(await store.rights.at(office)).toMatchObject([{ user: 'anna' }])
    expect(await store.roles.of('bert')).toEqual({ isAdmin: false, domains: [] })
  })
})

test('sending that was taken at one mailbox stays taken, also where the backup knows no right', async () => {
  const { device } = await store.devices.add(office, { name: 'Phone', user: 'anna' })
  await store.backup(file)
  await store.rights.set('anna', office, { use: true, send: false })
  await restore()
  const node = await fixture.openNode()
  expect((await node.readSendingTerms(device.id)).rules.some(({ maySend }) => !maySend)).toBe(true)
})

test('an authenticator sealed since a rotation opens after a restore from before it, and after the next rotation', async () => {
  await store.credentials.setTotp('anna', secret('seed'), 100)
  const keyFile = keyFilePath(fixture.dir)
  const old = readFileSync(keyFile, 'utf8')
  await store.backup(file)
  await store.keys.rotate()
  await expect(restore()).rejects.toMatchObject({ code: 'KEY_WRONG' })
  writeFileSync(keyFile, `${readFileSync(keyFile, 'utf8').trimEnd()}\n${old}`)
  await restore()
  const again = await fixture.open()
  expect((await again.credentials.openTotp('anna'))?.reveal().toString()).toBe('seed')
  await again.keys.rotate()
  expect(fixture.loadKeyring().ids).toHaveLength(1)
  expect((await (await fixture.open()).credentials.openTotp('anna'))?.reveal().toString()).toBe('seed')
})

test('where no store can be asked, nothing of the backup that works once, or may have ended, works', async () => {
  const session = await signIn()
  const { token } = await store.invitations.add({ kind: 'start', user: 'anna' })
  const [code] = await store.recoveryCodes.replace('anna')
  await store.credentials.setTotp('anna', secret('seed'), 100)
  await store.backup(file)
  await store.close()
  await fixture.lose()
  await fixture.makePlace()
  await restore()
  store = await fixture.open()
  expect(await store.portalSessions.find(session)).toBeUndefined()
  expect(await open(token)).toBeUndefined()
  expect(await store.recoveryCodes.take('anna', code ?? secret(''))).toBe(false)
  const { user } = (await store.credentials.find('anna')) ?? expect.fail()
  const step = Math.floor(fixture.now / 30_000)
  expect(await store.credentials.takeTotpStep(user.id, step)).toBe(false)
  expect(await store.credentials.takeTotpStep(user.id, step + 1)).toBe(true)
})
