import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type MailboxId, makeId } from '../../base/ids.ts'
import { loadKeyring } from '../keys/master-key.ts'
import { keyIdOf } from '../keys/seal.ts'
import { sealForStore, upstreamSecretPlace } from '../keys/store-keys.ts'
import { openBackend } from '../open-backend.ts'
import { openStore, type Store } from '../open-store.ts'
import { normaliseSecret } from '../passwords/app-password.ts'
import { ACTOR, StoreFixture, secret } from '../store-fixture.ts'

const MAILBOXES = 450
let fixture: StoreFixture
let store: Store
let before: string

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  before = fixture.keyring.currentId
})
afterEach(() => fixture.remove())

const address = (n: number): string => `user${n}@example.com`
const keyFile = (): string => `${fixture.dir}/keys/master.key`

/** Three batches of sealed secrets, in one transaction: one each would wait for the disk hundreds of times. */
async function addMailboxes(): Promise<void> {
  const backend = await openBackend(fixture.config.store, 'write')
  await backend.change(async db => {
    for (let n = 0; n < MAILBOXES; n++) {
      const id = makeId<MailboxId>()
      const sealed = await sealForStore(db, fixture.loadKeyring(), secret(`secret ${n}`), upstreamSecretPlace(id))
      await db
        .insertInto('mailboxes')
        .values({ id, address: address(n), domain: 'example.com', upstream: 'main', login: null, sealed_secret: sealed, state: 'active', created_at: 0 })
        .execute()
    }
  })
  await backend.close()
}

async function expectAllOpen(): Promise<void> {
  const fresh = await fixture.open()
  for (let n = 0; n < MAILBOXES; n += 37) expect((await fresh.mailboxes.openSecret(address(n)))?.reveal().toString()).toBe(`secret ${n}`)
  await fresh.close()
}

/** Under which keys secrets lie in the database. */
async function keysInUse(): Promise<string[]> {
  const { rows } = await fixture.query('select sealed_secret from mailboxes where sealed_secret is not null')
  return [...new Set(rows.map(row => keyIdOf(row['sealed_secret'] as Uint8Array)))].sort()
}

describe('a rotation', () => {
  test('seals everything under a new key and forgets the old one', async () => {
    await addMailboxes()
    const progress: unknown[] = []
    const rotation = await store.keys.rotate({ onProgress: step => progress.push(step) })
    expect(rotation).toEqual({ from: before, to: fixture.loadKeyring().currentId, resealed: MAILBOXES })
    expect(rotation.to).not.toBe(before)
    expect(progress).toEqual([200, 400, 450].map(done => ({ done, total: MAILBOXES })))
    expect(await keysInUse()).toEqual([rotation.to])
    expect(fixture.loadKeyring().ids).toEqual([rotation.to])
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600)
    expect(await store.keys.status()).toEqual({ storeKeyId: rotation.to, rotating: false })
    await expectAllOpen()
  })

  test('never changes the pepper: passwords go on', async () => {
    await store.mailboxes.add({ address: 'anna@example.com', upstream: 'main' })
    const { password } = await store.devices.add('anna@example.com', { name: 'Phone' })
    await store.keys.rotate()
    const node = await fixture.openNode()
    expect((await node.findLogin('anna@example.com', normaliseSecret(password)))?.devices).toHaveLength(1)
  })

  test('is noticed by a running gateway without a restart', async () => {
    await store.mailboxes.add({ address: 'anna@example.com', upstream: 'main', secret: secret('upstream') })
    const gateway = await fixture.openGateway()
    const early = await gateway.findLogin('anna@example.com', secret('x'))
    await (await fixture.open()).keys.rotate()
    const late = await gateway.findLogin('anna@example.com', secret('x'))
    for (const record of [early, late, early]) expect(gateway.openUpstreamSecret(record!.mailbox).reveal().toString()).toBe('upstream')
  })

  test('does not lose what a command seals that began before it', async () => {
    const early = await fixture.open()
    await early.mailboxes.add({ address: 'anna@example.com', upstream: 'main', secret: secret('one') })
    await store.keys.rotate()
    await early.mailboxes.set('anna@example.com', { secret: secret('two') })
    expect(await keysInUse()).toEqual([fixture.loadKeyring().currentId])
    expect((await (await fixture.open()).mailboxes.openSecret('anna@example.com'))?.reveal().toString()).toBe('two')
  })

  test('can follow another', async () => {
    await addMailboxes()
    const one = await store.keys.rotate()
    const two = await store.keys.rotate()
    expect([two.from, two.resealed]).toEqual([one.to, MAILBOXES])
    await expectAllOpen()
  })
})

describe('a rotation that was killed', () => {
  class Killed extends Error {}

  test('between two batches is finished by the next, to the same key', async () => {
    await addMailboxes()
    const die = ({ done }: { done: number }): void => {
      if (done === 200) throw new Killed()
    }
    await expect(store.keys.rotate({ onProgress: die })).rejects.toThrow(Killed)
    const to = fixture.loadKeyring().currentId
    expect(await keysInUse()).toEqual([before, to].sort())
    expect(fixture.loadKeyring().ids).toEqual([to, before])
    await expectAllOpen()
    const next = await fixture.open()
    expect((await next.keys.status()).rotating).toBe(true)
    expect(await next.keys.rotate()).toEqual({ from: before, to, resealed: MAILBOXES })
    expect(fixture.loadKeyring().ids).toEqual([to])
    await expectAllOpen()
  })

  test('after the new key was written and before the store named it', async () => {
    await addMailboxes()
    const { id: to } = fixture.keyring.addCurrent()
    await expectAllOpen()
    const next = await fixture.open()
    await next.mailboxes.set(address(0), { secret: secret('secret 0') })
    expect(await keysInUse()).toEqual([before])
    expect(await next.keys.rotate()).toMatchObject({ from: before, to })
    expect(fixture.loadKeyring().ids).toEqual([to])
    await expectAllOpen()
  })

  test('after the old key left the file and before the store forgot the rotation', async () => {
    await addMailboxes()
    const { to } = await store.keys.rotate()
    await fixture.query(`insert into meta values ('key_rotation', ?)`, [before])
    expect(await (await fixture.open()).keys.rotate()).toMatchObject({ from: before, to })
    expect(fixture.loadKeyring().ids).toEqual([to])
    await expectAllOpen()
  })

  test('half-way through writing the key file', async () => {
    writeFileSync(`${keyFile()}.new`, 'half a ke', { mode: 0o600 })
    await addMailboxes()
    await store.keys.rotate()
    await expectAllOpen()
  })
})

describe('with keys from the environment', () => {
  const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64url')
  const open = async (keys: string): Promise<Store> => {
    const keyring = loadKeyring({ dataDir: fixture.dir, env: { MAILWICKET_MASTER_KEY: keys } })
    return (await openStore({ config: fixture.config, keyring })).as(ACTOR)
  }

  test('the new key is put there first, and the message says so', async () => {
    await addMailboxes()
    const old = readFileSync(keyFile(), 'latin1').trim()
    await expect((await open(old)).keys.rotate()).rejects.toMatchObject({
      code: 'BAD_INPUT',
      remedy: expect.stringContaining('Put a new key on the first line'),
    })
    const { to } = await (await open(`${key(1)}\n${old}`)).keys.rotate()
    expect(await keysInUse()).toEqual([to])
    const after = await open(key(1))
    expect((await after.mailboxes.openSecret(address(3)))?.reveal().toString()).toBe('secret 3')
  })

  test('without the present key nothing is done', async () => {
    await store.mailboxes.add({ address: address(0), upstream: 'main', secret: secret('secret 0') })
    await expect((await open(key(1))).keys.rotate()).rejects.toMatchObject({ code: 'KEY_WRONG', message: expect.stringContaining(before) })
    expect(await keysInUse()).toEqual([before])
  })
})

test('a lost key is told by its id', async () => {
  await store.mailboxes.add({ address: 'anna@example.com', upstream: 'main', secret: secret('upstream') })
  const other = new StoreFixture({ origin: 'new' })
  copyFileSync(`${other.dir}/keys/master.key`, keyFile())
  const unkeyed = await fixture.open()
  expect(await unkeyed.mailboxes.list()).toHaveLength(1)
  for (const act of [() => unkeyed.mailboxes.openSecret('anna@example.com'), () => unkeyed.devices.add('anna@example.com', { name: 'Phone' })]) {
    await expect(act()).rejects.toMatchObject({ code: 'KEY_WRONG', message: expect.stringMatching(new RegExp(`${before}.*${other.keyring.currentId}`)) })
  }
  await expect(fixture.openGateway()).rejects.toMatchObject({ code: 'KEY_WRONG' })
  await other.remove()
})
