import { readFileSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Store } from '../open-store.ts'
import { StoreFixture } from '../store-fixture.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import { checkWithin } from './sqlite-integrity.ts'

const anna = 'anna@example.com'
let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.mailboxes.add({ address: anna, upstream: 'main' })
  await store.devices.add(anna, { name: 'Phone' })
})
afterEach(() => fixture.remove())

/** Overwrites the first page of a table or index with rubbish. */
async function spoil(name: string): Promise<void> {
  await store.close()
  const { rows } = await fixture.query('select rootpage from sqlite_schema where name = ?', [name])
  const page = Number(rows[0]?.['rootpage'])
  writeFileSync(fixture.path, readFileSync(fixture.path).fill(0xa5, (page - 1) * 4096, page * 4096))
}

test('a gateway looks at the whole store when it starts', async () => {
  const gateway = await fixture.openGateway()
  expect(gateway.integrity).toEqual({ unchecked: [], ms: expect.any(Number) })
})

test.each(['devices', 'devices_by_bucket', 'audit', 'activity_by_time'])(
  'a gateway does not start on a store whose %s is damaged, and says what to do',
  async name => {
    await spoil(name)
    await expect(fixture.openGateway()).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      message: expect.stringMatching(/failed its integrity check|malformed/),
      remedy: expect.stringContaining('mailwicket restore'),
    })
  },
)

test('what would take too long is left out and named; what logins need is looked at before', async () => {
  await fixture.query(`insert into activity (id, cursor, address, device_id, result, protocol, ip, app, first_at, last_at, count)
    values (10000000, 1, '', '', '', 'imap', '', '', 1, 1, 1)`)
  const connection = new SqliteConnection(fixture.path, 'write')
  const tables = {
    path: fixture.path,
    isSound: (table: string) => connection.isSound('quick', table),
    countAtMost: (table: string) => connection.countAtMost(table),
  }
  try {
    expect(checkWithin(tables, 10_000)).toMatchObject({ unchecked: ['activity'] })
    let now = 0
    // Every table takes four seconds.
    const { unchecked } = checkWithin(tables, 10_000, () => (now += 2000))
    expect(unchecked).toContain('activity')
    expect(unchecked).not.toContain('meta')
  } finally {
    connection.close()
  }
})
