import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStore, type Store } from '../open-store.ts'
import { ACTOR, StoreFixture, secret } from '../store-fixture.ts'
import { restoreStore } from './restore.ts'

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

describe('a backup', () => {
  test('is one private file without the key, and says which key it needs', async () => {
    const progress: { done: number; total: number }[] = []
    const backup = await store.backup(file, { onProgress: step => progress.push(step) })
    expect(backup).toEqual({ file, bytes: statSync(file).size, keyId: fixture.keyring.currentId })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(fixture.dir).sort()).toEqual(fixture.isFile ? ['backup.db', 'data', 'keys'] : ['backup.db', 'keys'])
    const key = fixture.keyring.current.secret.reveal()
    const bytes = readFileSync(file)
    expect([bytes.includes(key), bytes.includes(key.toString('base64url')), bytes.includes('upstream-marker')]).toEqual([false, false, false])
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
       select i, '${'x'.repeat(200)}', '', 'wrong-secret', 'imap', cast(i as text), '', ${fixture.now}, ${fixture.now}, 1 from n`,
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
    const place = { url: 'sqlite:other.db', sqlitePath: join(fixture.dir, 'other.db') }
    await restoreStore({ config: { store: place, dataDir: fixture.dir }, keyring: fixture.loadKeyring(), actor: ACTOR, file, now: fixture.clock })
    const restored = await openStore({ config: { store: place, generatedOnly: false }, keyring: fixture.loadKeyring(), now: fixture.clock })
    expect((await restored.as(ACTOR).devices.get(device.id)).name).toBe('Phone')
    await restored.close()
  })
})
