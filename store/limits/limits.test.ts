import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../open-store.ts'
import type { FailureKind } from '../schema/failure-limits.ts'
import { CLEARED_KEPT_MS, FAILURE_ROWS_KEPT, PURGE_ROWS, RECOGNISED_NETWORKS_PER_MAILBOX } from '../schema/retention.ts'
import { StoreFixture, type TestNode } from '../store-fixture.ts'

const HOUR = 3_600_000
const anna = 'anna@example.com'
let fixture: StoreFixture
let store: Store
let node: TestNode

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.mailboxes.add({ address: anna, upstream: 'main' })
  node = await fixture.openNode()
})
afterEach(() => fixture.remove())

const record = (kind: FailureKind, subject: string, added: number, total = added) => ({ kind, subject, added, total, expiresAt: fixture.now + HOUR })
const block = (subject: string, added: number, total = added) => record('block', subject, added, total)

describe('counts of wrong secrets', () => {
  test('of several nodes are added up, and each reads what changed', async () => {
    const other = await fixture.openNode()
    await node.recordFailures([block('192.0.2.7', 6)], [])
    await other.recordFailures([block('192.0.2.7', 5), record('mailbox', anna, 9)], [])
    const first = await node.readFailures(0, 100)
    expect(first.rows).toMatchObject([
      { kind: 'block', subject: '192.0.2.7', count: 11 },
      { kind: 'mailbox', subject: anna, count: 9 },
    ])
    expect(await node.readFailures(first.revision, 100)).toEqual({ rows: [], revision: first.revision })
  })

  test('are read in parts', async () => {
    await node.recordFailures([block('192.0.2.1', 5), block('192.0.2.2', 5), block('192.0.2.3', 5)], [])
    const first = await node.readFailures(0, 2)
    const rest = await node.readFailures(first.revision, 2)
    expect([...first.rows, ...rest.rows].map(({ subject }) => subject)).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3'])
  })

  test('start anew when they are over', async () => {
    await node.recordFailures([block('192.0.2.7', 90)], [])
    fixture.now += HOUR + 1
    expect(await store.limits.list()).toEqual([])
    await node.recordFailures([block('192.0.2.7', 6)], [])
    expect(await store.limits.list()).toMatchObject([{ block: '192.0.2.7', failures: 6, until: fixture.now + HOUR }])
  })

  test('are listed with what they mean, the highest first', async () => {
    await node.recordFailures([block('192.0.2.7', 100), block('192.0.2.8', 12), record('own', `192.0.2.9 ${anna}`, 101)], [])
    expect(await store.limits.list()).toMatchObject([
      { kind: 'own', block: '192.0.2.9', address: anna, failures: 101, restriction: 'generated-only' },
      { kind: 'block', block: '192.0.2.7', address: null, failures: 100, restriction: 'refused' },
      { kind: 'block', block: '192.0.2.8', address: null, failures: 12, restriction: 'delayed' },
    ])
  })
})

describe('a count that was written twice, or not at all', () => {
  test('a row that was purged comes back with all that the node counted', async () => {
    await node.recordFailures([block('192.0.2.7', 1, 101)], [])
    expect(await store.limits.list()).toMatchObject([{ failures: 101, restriction: 'refused' }])
  })

  test('what may have been lost is made up for, what was not is not added again', async () => {
    await node.recordFailures([block('192.0.2.7', 30)], [])
    await node.recordFailures([block('192.0.2.7', 0, 30)], [])
    expect(await store.limits.list()).toMatchObject([{ failures: 30 }])
    await node.recordFailures([block('192.0.2.7', 0, 36)], [])
    expect(await store.limits.list()).toMatchObject([{ failures: 36 }])
  })

  test('a clear that a node has not read yet is not undone by its total', async () => {
    await node.recordFailures([block('192.0.2.7', 60)], [])
    await store.limits.clear('all')
    await node.recordFailures([block('192.0.2.7', 0, 60), block('192.0.2.8', 6)], [])
    expect((await store.limits.list()).map(limit => limit.block)).toEqual(['192.0.2.8'])
  })

  test('of a node whose clock was a year ahead starts anew', async () => {
    await node.recordFailures([{ ...block('192.0.2.7', 90), expiresAt: fixture.now + 365 * 24 * HOUR }], [])
    await node.recordFailures([block('192.0.2.7', 1, 6)], [])
    expect(await store.limits.list()).toMatchObject([{ failures: 6, until: fixture.now + HOUR }])
  })
})

describe('clearing', () => {
  test('tells the nodes, is in the audit, and forgets what belongs to the address too', async () => {
    await node.recordFailures([block('192.0.2.7', 100), record('own', `192.0.2.7 ${anna}`, 50), block('192.0.2.8', 50)], [])
    const { revision } = await node.readFailures(0, 100)
    expect(await store.limits.clear({ subject: '192.0.2.7' })).toEqual({ cleared: 2 })
    expect((await node.readFailures(revision, 100)).rows).toMatchObject([{ count: 0 }, { count: 0 }])
    expect((await store.limits.list()).map(limit => limit.block)).toEqual(['192.0.2.8'])
    expect(await store.audit.list()).toContainEqual(expect.objectContaining({ action: 'limits.cleared', subject: '192.0.2.7', actor: 'root' }))
  })

  test.each(['192.0.2.0/24', '10.0.0.0/8', '2001:db8::/32', '2001:db8::/65', '@'])('of %s is refused: no such thing is counted', async subject => {
    await expect(store.limits.clear({ subject })).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test('of an IPv6 address means its /64', async () => {
    for (const subject of ['2001:db8:1:2:3::4', '2001:db8:1:2::/64']) {
      await node.recordFailures([block('2001:db8:1:2::/64', 100)], [])
      expect(await store.limits.clear({ subject })).toEqual({ cleared: 1 })
    }
  })

  test('of everybody; of somebody who is not there; of nonsense', async () => {
    await node.recordFailures([block('192.0.2.7', 100), record('mailbox', anna, 50)], [])
    expect(await store.limits.clear('all')).toEqual({ cleared: 2 })
    await expect(store.limits.clear({ subject: anna })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(store.limits.clear({ subject: 'everything!' })).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test('a count after it starts at its own', async () => {
    await node.recordFailures([block('192.0.2.7', 100)], [])
    await store.limits.clear({ subject: '192.0.2.7' })
    await node.recordFailures([block('192.0.2.7', 5)], [])
    expect(await store.limits.list()).toMatchObject([{ failures: 5 }])
  })
})

describe('blocks that a mailbox knows', () => {
  const recorded = async (subject: string, at = fixture.now) => {
    const mailbox = (await store.mailboxes.get(anna)).id
    await node.recordFailures([], [{ mailbox, block: subject, at }])
  }

  test('are known for the mailbox, and as blocks in which somebody is known', async () => {
    await recorded('192.0.2.7')
    expect(await node.isRecognisedNetwork(anna, '192.0.2.7', fixture.now - HOUR)).toBe(true)
    expect(await node.isRecognisedNetwork(anna, '192.0.2.7', fixture.now)).toBe(false)
    expect(await node.isRecognisedNetwork('bob@example.com', '192.0.2.7', 0)).toBe(false)
    expect(await node.isRecognisedByAnyMailbox('192.0.2.7', 0)).toBe(true)
    expect(await node.isRecognisedByAnyMailbox('192.0.2.8', 0)).toBe(false)
  })

  test('only move forward in time, and go with the mailbox', async () => {
    await recorded('192.0.2.7')
    await recorded('192.0.2.7', fixture.now - HOUR)
    expect(await node.isRecognisedNetwork(anna, '192.0.2.7', fixture.now - 1)).toBe(true)
    await store.mailboxes.remove(anna)
    expect(await node.isRecognisedByAnyMailbox('192.0.2.7', 0)).toBe(false)
  })

  test('the oldest gives way to one too many', async () => {
    for (let i = 0; i <= RECOGNISED_NETWORKS_PER_MAILBOX; i++) await recorded(`192.0.${i >> 8}.${i & 255}`, fixture.now + i)
    expect(await node.isRecognisedNetwork(anna, '192.0.0.0', 0)).toBe(false)
    expect(await node.isRecognisedNetwork(anna, '192.0.0.1', 0)).toBe(true)
  })
})

test('a purge leaves the newest thousands of rows, those that end last', async () => {
  // By one statement: it is not the counting that is looked at.
  await fixture.query(
    `insert into failure_counts (kind, subject, count, expires_at, revision)
     with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ?)
     select 'block', 'b' || n, 5, n + cast(? as bigint), n from numbers`,
    [FAILURE_ROWS_KEPT + 3 * PURGE_ROWS, fixture.now + HOUR],
  )
  await node.record({ connections: [], activity: [], sessions: [], endedSessions: [] })
  const { rows } = await fixture.query('select count(*) as rows, min(expires_at) as first from failure_counts')
  expect(Number(rows[0]?.['rows'])).toBeLessThanOrEqual(FAILURE_ROWS_KEPT + PURGE_ROWS)
  expect(rows[0]?.['first']).toBeGreaterThan(fixture.now + HOUR)
})

test('a purge forgets what is over, but not how far the nodes have read', async () => {
  await node.recordFailures([block('192.0.2.7', 5)], [])
  await node.recordFailures([block('192.0.2.8', 5)], [])
  const { revision } = await node.readFailures(0, 10)
  fixture.now += HOUR + CLEARED_KEPT_MS
  await node.record({ connections: [], activity: [], sessions: [], endedSessions: [] })
  expect((await fixture.query('select subject from failure_counts')).rows).toEqual([{ subject: '192.0.2.8' }])
  await node.recordFailures([block('192.0.2.9', 5)], [])
  expect((await node.readFailures(revision, 10)).rows).toMatchObject([{ subject: '192.0.2.9' }])
})
