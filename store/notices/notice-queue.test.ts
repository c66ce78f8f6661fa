import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../open-store.ts'
import { StoreFixture } from '../store-fixture.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
})
afterEach(() => fixture.remove())

const add = (changes: object = {}, by: Store = store) =>
  by.notices.add({ recipient: 'anna@example.com', cause: 'new-device d1', kind: 'new-device', user: null, payload: { device: 'Phone' }, ...changes })

describe('mail that waits', () => {
  test('is one a day for a recipient and a cause, whoever puts it in', async () => {
    const other = await fixture.open()
    expect((await Promise.all([add(), add({}, other)])).sort()).toEqual([false, true])
    expect(await add({ cause: 'new-device d2' })).toBe(true)
    expect(await add({ recipient: 'bert@example.com' })).toBe(true)
    fixture.now += DAY - 1
    expect(await add()).toBe(false)
    fixture.now += 1
    expect(await add({ payload: { device: 'Tablet' } })).toBe(true)
    expect((await store.notices.claim(10)).filter(({ cause, recipient }) => cause.endsWith('d1') && recipient.startsWith('anna'))).toMatchObject([
      { payload: { device: 'Tablet' } },
    ])
  })

  test('is one sender’s at a time, and another’s when that one died', async () => {
    await add()
    const other = await fixture.open()
    const claimed = await Promise.all([store, other].map(one => one.notices.claim(10)))
    expect(claimed.map(list => list.length).sort()).toEqual([0, 1])
    fixture.now += 5 * MINUTE
    expect(await other.notices.claim(10)).toMatchObject([{ attempts: 2 }])
  })

  test('is tried again when it failed, is not when it was sent or given up', async () => {
    await add()
    await add({ cause: 'ends-soon d1' })
    const [first, second] = await store.notices.claim(10)
    if (first === undefined || second === undefined) expect.fail('two were due')
    await store.notices.sent(first.id)
    await store.notices.failed(second.id, { failure: '421 later', nextTryAt: fixture.now + MINUTE })
    expect(await store.notices.claim(10)).toEqual([])
    expect(await store.notices.counts()).toEqual({ waiting: 1, failed: 0 })
    fixture.now += MINUTE
    expect(await store.notices.claim(10)).toMatchObject([{ id: second.id, attempts: 2 }])
    await store.notices.failed(second.id, { failure: '550 no', nextTryAt: null })
    fixture.now += DAY
    expect(await store.notices.claim(10)).toEqual([])
    expect(await store.notices.counts()).toEqual({ waiting: 0, failed: 1 })
  })
})

test('what a person likes is kept, and only what there is', async () => {
  await store.users.add({ login: 'anna' })
  expect(await store.preferences.get('anna')).toEqual({ language: null, timeZone: null, notices: ['new-device', 'new-network', 'ends-soon'] })
  expect(await store.preferences.set('anna', { language: 'fr', timeZone: 'Europe/Zurich' })).toMatchObject({ language: 'fr', timeZone: 'Europe/Zurich' })
  expect(await store.preferences.set('anna', { notices: [] })).toEqual({ language: 'fr', timeZone: 'Europe/Zurich', notices: [] })
  for (const bad of [{ language: 'xx' }, { timeZone: 'Mars/Olympus' }, { notices: ['spam'] }])
    await expect(store.preferences.set('anna', bad as never)).rejects.toMatchObject({ code: 'BAD_INPUT' })
})
