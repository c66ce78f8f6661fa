import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { normaliseSecret } from './app-password.ts'
import { restoreStore } from './backup.ts'
import type { Store } from './open-store.ts'
import { ACTOR, StoreFixture, secret } from './store-fixture.ts'

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

describe('a backup', () => {
  test('is one private file without the key, and says which key it needs', async () => {
    const progress: { done: number; total: number }[] = []
    const backup = await store.backup(file, { onProgress: step => progress.push(step) })
    expect(backup).toEqual({ file, bytes: statSync(file).size, keyId: fixture.keyring.currentId })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(fixture.dir).sort()).toEqual(['backup.db', 'data', 'keys'])
    const key = fixture.keyring.current.secret.reveal()
    const octets = readFileSync(file)
    expect([octets.includes(key), octets.includes(key.toString('base64url')), octets.includes('upstream-marker')]).toEqual([false, false, false])
    expect(progress.every(({ done, total }) => done <= total)).toBe(true)
    expect((await store.audit.list()).at(-1)).toMatchObject({ action: 'store.backed-up', after: { file, key: backup.keyId } })
  })

  test('overwrites nothing', async () => {
    writeFileSync(file, 'something else')
    await expect(store.backup(file)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
    expect(readFileSync(file, 'utf8')).toBe('something else')
    await expect(store.backup(join(fixture.dir, 'nowhere', 'backup.db'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('is taken of one moment while a gateway goes on writing', async () => {
    const { device } = await store.devices.add(anna, { name: 'Phone' })
    // Some megabytes, so that the copy takes several steps.
    await fixture.query(
      `with recursive n(i) as (select 1 union all select i + 1 from n where i < 30000)
       insert into activity (cursor, address, device_id, result, protocol, ip, app, first_at, last_at, count)
       select i, printf('%.200c', 'x'), '', 'wrong-secret', 'imap', i, '', ${fixture.now}, ${fixture.now}, 1 from n`,
    )
    const gateway = await fixture.openGateway()
    let writing = true
    let batches = 0
    const writer = (async () => {
      while (writing) {
        await gateway.record({
          connections: [{ device: device.id, at: ++batches, ip: '192.0.2.1', protocol: 'imap', app: null, tls: null }],
          activity: [],
          sessions: [],
          endedSessions: [],
        })
      }
    })()
    let steps = 0
    await store.backup(file, { onProgress: () => steps++ })
    writing = false
    await writer
    expect(steps).toBeGreaterThan(0)
    expect(batches).toBeGreaterThan(0)
    await gateway.close()
    await store.close()
    await restore()
    expect((await (await fixture.open()).devices.get(device.id)).name).toBe('Phone')
  })
})

describe('restoring', () => {
  test('brings back what was there, keeps the present store, and tells who works again', async () => {
    const { device, password } = await store.devices.add(anna, { name: 'Phone' })
    await store.devices.add(anna, { name: 'Tablet' })
    await store.backup(file)
    await store.devices.revoke([device.id])
    await store.devices.add(anna, { name: 'Later' })
    const node = await fixture.openNode()
    const before = await node.readGeneration()
    await node.close()
    await store.close()

    const restored = await restore()
    expect(restored).toEqual({ keptAs: `${fixture.path}.before-restore-20261122T060000Z`, keyId: fixture.keyring.currentId, revived: [`${anna}/Phone`] })
    const after = await fixture.open()
    expect((await after.devices.list()).map(({ name }) => name)).toEqual(['Phone', 'Tablet'])
    expect((await after.mailboxes.openSecret(anna))?.reveal().toString()).toBe('upstream-marker')
    expect((await after.audit.list()).at(-1)).toMatchObject({ action: 'store.restored', after: { file, revived: [`${anna}/Phone`] } })
    const again = await fixture.openNode()
    expect((await again.findLogin(anna, normaliseSecret(password)))?.devices).toHaveLength(1)
    expect(await again.readGeneration()).toBeGreaterThan(before)
    expect(statSync(fixture.path).mode & 0o777).toBe(0o600)
    expect(existsSync(restored.keptAs ?? '')).toBe(true)
  })

  test('works where there is no store yet', async () => {
    await store.backup(file)
    await store.close()
    rmSync(join(fixture.dir, 'data'), { recursive: true })
    expect(await restore()).toMatchObject({ keptAs: null, revived: [] })
    expect(await (await fixture.open()).mailboxes.list()).toHaveLength(1)
  })

  test('replaces a damaged store without mixing in its journal', async () => {
    await store.backup(file)
    await store.close()
    writeFileSync(fixture.path, Buffer.alloc(20_000, 0xa5))
    writeFileSync(`${fixture.path}-wal`, Buffer.alloc(20_000, 0x5a))
    const { keptAs } = await restore()
    expect(readdirSync(join(fixture.dir, 'data'))).not.toContain('mailwicket.db-wal')
    expect(readFileSync(keptAs ?? '')[0]).toBe(0xa5)
    expect(await (await fixture.open()).mailboxes.list()).toHaveLength(1)
  })

  test('is refused while a gateway is alive, and leaves everything as it is', async () => {
    await store.backup(file)
    await store.devices.add(anna, { name: 'Later' })
    await store.close()
    const gateway = await fixture.openNode()
    await gateway.record({ connections: [], activity: [], sessions: [], endedSessions: [] })
    await expect(restore()).rejects.toMatchObject({ code: 'STORE_IN_USE', message: expect.stringContaining(gateway.node) })
    await gateway.close()
    expect(await (await fixture.open()).devices.list()).toHaveLength(1)
  })

  test('is refused while another process has the store open', async () => {
    await store.backup(file)
    await expect(restore()).rejects.toMatchObject({ code: 'STORE_IN_USE' })
    await store.close()
    await restore()
  }, 20_000)

  test('of a gateway that was killed works once its heartbeat is old', async () => {
    await store.backup(file)
    await store.close()
    await fixture.query(`insert into nodes values ('dead', ?)`, [fixture.now - 1])
    await expect(restore()).rejects.toMatchObject({ code: 'STORE_IN_USE' })
    fixture.now += 10_000
    await restore()
  })

  test('of another installation is refused with the key it needs', async () => {
    await store.backup(file)
    const other = new StoreFixture()
    await (await other.create()).close()
    await expect(restore(other)).rejects.toMatchObject({
      code: 'KEY_WRONG',
      message: expect.stringContaining(`needs the master key ${fixture.keyring.currentId}`),
    })
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
    await expect(restore()).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
    expect(readdirSync(join(fixture.dir, 'data'))).toEqual(['mailwicket.db'])
    expect(await (await fixture.open()).mailboxes.list()).toHaveLength(1)
  })

  test('of a file that is not there says so', async () => {
    await expect(restore()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
