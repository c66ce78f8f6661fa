import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../open-store.ts'
import { StoreFixture, secret } from '../store-fixture.ts'

let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  for (const login of ['anna', 'bert']) await store.users.add({ login })
})
afterEach(() => fixture.remove())

const record = async (login = 'anna') => (await store.credentials.find(login)) ?? expect.fail('no such person')
const seed = secret('JBSWY3DPEHPK3PXP')
const newPasskey = { credentialId: 'credential-1', publicKey: new Uint8Array([1, 2, 3]), counter: 0, transports: ['internal'], name: 'Laptop' }

describe('how a person signs in', () => {
  test('begins with nothing', async () => {
    expect(await record()).toMatchObject({ phc: null, hasTotp: false, passkeys: 0, recoveryCodes: 0, user: { login: 'anna', state: 'active' } })
    expect(await store.credentials.find('nobody')).toBeUndefined()
  })

  test('is told in the audit without the hash, the seed and the codes', async () => {
    await store.credentials.setPassword('anna', '$argon2id$marker')
    await store.credentials.setTotp('anna', seed, 1)
    await store.passkeys.add('anna', newPasskey)
    const codes = await store.recoveryCodes.replace('anna')
    const audit = JSON.stringify(await store.audit.list({ subject: 'anna' }))
    for (const hidden of ['marker', 'JBSWY3DP', 'credential-1', ...codes.map(code => code.reveal().toString())]) expect(audit).not.toContain(hidden)
    for (const action of ['user.password', 'user.authenticator-added', 'user.passkey-added', 'user.recovery-codes']) expect(audit).toContain(action)
  })

  test('is all taken away by a reset, sessions and start links too', async () => {
    await store.credentials.setPassword('anna', 'phc')
    await store.credentials.setTotp('anna', seed, 1)
    await store.passkeys.add('anna', newPasskey)
    await store.recoveryCodes.replace('anna')
    const session = await store.portalSessions.start('anna', { stage: 'full', agent: '', ip: '192.0.2.1', phc: null, by: 'passkey' })
    const { token } = await store.invitations.add({ kind: 'start', user: 'anna' })
    await store.credentials.reset('anna')
    expect(await record()).toMatchObject({ phc: null, hasTotp: false, passkeys: 0, recoveryCodes: 0 })
    expect(session && (await store.portalSessions.find(session.token))).toBeUndefined()
    expect(token && (await store.invitations.find(token))).toBeUndefined()
    expect(await store.audit.list({ action: 'user.sign-in-reset' })).toMatchObject([
      { before: { password: true, authenticator: true, passkeys: 1, recoveryCodes: 10 } },
    ])
  })
})

describe('the authenticator', () => {
  test('has its seed sealed, for this person only', async () => {
    await store.credentials.setTotp('anna', seed, 100)
    expect((await store.credentials.openTotp('anna'))?.reveal().toString()).toBe('JBSWY3DPEHPK3PXP')
    expect(await store.credentials.openTotp('bert')).toBeNull()
    await store.credentials.setTotp('bert', secret('other'), 100)
    await fixture.query(
      `update credentials set sealed_totp = (select sealed_totp from credentials where user_id = (select id from users where login = 'anna'))`,
    )
    await expect(store.credentials.openTotp('bert')).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
  })

  test('takes each code once, in whichever process it comes first, and none of an earlier step', async () => {
    await store.credentials.setTotp('anna', seed, 100)
    const { user } = await record()
    const other = await fixture.open()
    expect(await store.credentials.takeTotpStep(user.id, 100)).toBe(false)
    const taken = await Promise.all([store, other].map(one => one.credentials.takeTotpStep(user.id, 102)))
    expect(taken.sort()).toEqual([false, true])
    expect(await other.credentials.takeTotpStep(user.id, 101)).toBe(false)
    expect(await store.credentials.takeTotpStep(user.id, 103)).toBe(true)
  })

  test('that was removed takes none', async () => {
    await store.credentials.setTotp('anna', seed, 100)
    await store.credentials.removeTotp('anna')
    expect(await store.credentials.takeTotpStep((await record()).user.id, 200)).toBe(false)
    expect(await record()).toMatchObject({ hasTotp: false })
  })

  test('is sealed again by a rotation of the master key', async () => {
    await store.credentials.setTotp('anna', seed, 100)
    expect(await store.keys.rotate()).toMatchObject({ resealed: 1 })
    const later = await fixture.open()
    await expect(later.credentials.openTotp('anna')).resolves.toMatchObject({ byteLength: 16 })
    expect(fixture.loadKeyring().ids).toHaveLength(1)
  })
})

describe('recovery codes', () => {
  test('are ten, work once each, however they are typed', async () => {
    const codes = await store.recoveryCodes.replace('anna')
    expect(codes.map(code => code.reveal().toString())).toEqual(Array(10).fill(expect.stringMatching(/^[a-km-np-z2-9]{5}-[a-km-np-z2-9]{5}$/)))
    const [first, second] = codes.map(code => code.reveal().toString())
    expect(await store.recoveryCodes.take('anna', secret(` ${first?.toUpperCase().replace('-', ' – ')}`))).toBe(true)
    expect(await store.recoveryCodes.take('anna', secret(first ?? ''))).toBe(false)
    expect(await record()).toMatchObject({ recoveryCodes: 9 })
    expect(await store.recoveryCodes.take('bert', secret(second ?? ''))).toBe(false)
    expect(await store.recoveryCodes.take('anna', secret(second ?? ''))).toBe(true)
    expect(await store.audit.list({ action: 'user.recovery-code-used' })).toMatchObject([{ after: { left: 9 } }, { after: { left: 8 } }])
  })

  test('that are used in two processes at once work in one', async () => {
    const [code] = await store.recoveryCodes.replace('anna')
    const other = await fixture.open()
    const taken = await Promise.all([store, other].map(one => one.recoveryCodes.take('anna', code ?? secret(''))))
    expect(taken.sort()).toEqual([false, true])
  })

  test('of before are worth nothing once there are new ones', async () => {
    const [old] = await store.recoveryCodes.replace('anna')
    await store.recoveryCodes.replace('anna')
    expect(await store.recoveryCodes.take('anna', old ?? secret(''))).toBe(false)
  })

  test.each(['', 'x', '----------', 'a'.repeat(100_000), '\0'.repeat(10)])('%j is none', async text => {
    await store.recoveryCodes.replace('anna')
    expect(await store.recoveryCodes.take('anna', secret(text))).toBe(false)
  })
})

describe('passkeys', () => {
  test('are added, renamed, found and removed', async () => {
    const { id } = await store.passkeys.add('anna', newPasskey)
    expect(await store.passkeys.find('credential-1')).toMatchObject({
      login: 'anna',
      passkey: { name: 'Laptop', counter: 0, publicKey: new Uint8Array([1, 2, 3]), transports: ['internal'] },
    })
    await store.passkeys.rename('anna', id, 'Work laptop')
    expect(await store.passkeys.list('anna')).toMatchObject([{ name: 'Work laptop', usedAt: null }])
    await expect(store.passkeys.remove('bert', id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await store.passkeys.remove('anna', id)
    expect(await store.passkeys.find('credential-1')).toBeUndefined()
  })

  test('are one person’s, and each has a name of its own', async () => {
    await store.passkeys.add('anna', newPasskey)
    await expect(store.passkeys.add('bert', { ...newPasskey, name: 'Mine' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
    await expect(store.passkeys.add('anna', { ...newPasskey, credentialId: 'credential-2', name: 'LAPTOP' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
    await expect(store.passkeys.add('anna', { ...newPasskey, credentialId: 'credential-2', name: 'Lap\u202etop' })).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test('whose counter does not move on are copies; those that never count are not', async () => {
    const counting = await store.passkeys.add('anna', { ...newPasskey, counter: 5 })
    expect(await store.passkeys.use(counting.id, 6)).toBe(true)
    for (const counter of [6, 5, 0]) expect(await store.passkeys.use(counting.id, counter)).toBe(false)
    const silent = await store.passkeys.add('anna', { ...newPasskey, credentialId: 'credential-2', name: 'Phone' })
    for (let n = 0; n < 2; n++) expect(await store.passkeys.use(silent.id, 0)).toBe(true)
    expect((await store.passkeys.list('anna'))[0]?.usedAt).toBe(fixture.now)
    const other = await fixture.open()
    expect((await Promise.all([store, other].map(one => one.passkeys.use(counting.id, 7)))).sort()).toEqual([false, true])
  })
})
