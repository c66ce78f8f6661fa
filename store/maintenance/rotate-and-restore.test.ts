/** A restore and a rotation of the key at the same time: whatever comes first, nothing is left sealed under a key that is gone. */
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Store } from '../open-store.ts'
import { ACTOR, StoreFixture, secret } from '../store-fixture.ts'
import { prepareRestore } from './restore.ts'

const anna = 'anna@example.com'
const bert = 'bert@example.com'
let fixture: StoreFixture
let store: Store
let file: string

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  file = join(fixture.dir, 'backup.db')
  for (const address of [anna, bert]) await store.mailboxes.add({ address, upstream: 'main', secret: secret('upstream-marker') })
  await store.backup(file)
})
afterEach(() => fixture.remove())

async function expectAllOpen(): Promise<void> {
  const fresh = await fixture.open()
  for (const address of [anna, bert]) expect((await fresh.mailboxes.openSecret(address))?.reveal().toString()).toBe('upstream-marker')
}

/** What a restore does to the store, in the moment in which the last value was sealed anew. */
async function bringBackOnce(what: string): Promise<void> {
  for (const statement of [
    'create table saved as select id, sealed_secret from mailboxes',
    'create table saved_meta as select * from meta',
    `create trigger restoring after update of sealed_secret on mailboxes
      when new.id = (select max(id) from mailboxes) and exists (select 1 from saved) begin ${what}; delete from saved; end`,
  ])
    await fixture.query(statement)
}
const rows = 'update mailboxes set sealed_secret = (select x.sealed_secret from saved x where x.id = mailboxes.id)'
const meta = `delete from meta where name = 'key_rotation'; update meta set value = (select x.value from saved_meta x where x.name = meta.name)`

test.each([
  ['the whole backup', `${rows}; ${meta}`],
  ['rows that were done already', rows],
])('a rotation in the middle of which a restore brings back %s does not throw away the key that it needs', async (_what, statements) => {
  await bringBackOnce(statements)
  await expect(store.keys.rotate()).rejects.toMatchObject({ code: 'STORE_IN_USE', reason: 'rotation.disturbed' })
  await expectAllOpen()
  await store.keys.rotate()
  expect(fixture.loadKeyring().ids).toHaveLength(1)
  await expectAllOpen()
})

test('a restore that waited for its yes while the key was rotated does not bring back what the old key opened', async () => {
  const prepared = await prepareRestore({ config: fixture.config, keyring: fixture.loadKeyring(), actor: ACTOR, file, now: fixture.clock })
  await store.keys.rotate()
  await expect(prepared.apply()).rejects.toMatchObject({ code: 'KEY_WRONG' })
  await prepared.close()
  await expectAllOpen()
})
