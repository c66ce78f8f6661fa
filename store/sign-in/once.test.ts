import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../open-store.ts'
import { StoreFixture } from '../store-fixture.ts'

const HOUR = 3_600_000
let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.mailboxes.add({ address: 'office@example.com', upstream: 'main' })
})
afterEach(() => fixture.remove())

const key = { hash: 'form 1', request: 'POST /devices', lifetimeMs: HOUR }

describe('what may be done once', () => {
  test('is done once; the second request gets where the result is', async () => {
    expect(await store.once.take(key)).toEqual({ is: 'fresh' })
    expect(await store.once.take(key)).toEqual({ is: 'done', result: null })
    await store.once.finish(key.hash, '/devices/1/shown')
    expect(await store.once.take(key)).toEqual({ is: 'done', result: '/devices/1/shown' })
  })

  test('is not something else under the same key', async () => {
    await store.once.take(key)
    expect(await store.once.take({ ...key, request: 'POST /users' })).toEqual({ is: 'other' })
  })

  test('may be done again when its time is over', async () => {
    await store.once.take(key)
    fixture.now += HOUR
    expect(await store.once.take(key)).toEqual({ is: 'fresh' })
  })

  test('that two processes begin at once is done by one, with all that belongs to it; the other sees the result', async () => {
    const stores = [store, await fixture.open()]
    const results = await Promise.all(
      stores.map((one, n) =>
        one.change(async nouns => {
          const taken = await nouns.once.take(key)
          if (taken.is !== 'fresh') return taken
          await nouns.aliases.add('office@example.com', `alias${n}@example.com`)
          await nouns.once.finish(key.hash, `/done/${n}`)
          return { is: 'made', result: `/done/${n}` }
        }),
      ),
    )
    expect(await store.aliases.of('office@example.com')).toHaveLength(1)
    expect(new Set(results.map(({ is }) => is))).toEqual(new Set(['made', 'done']))
    expect(results.map(one => ('result' in one ? one.result : ''))).toEqual(
      [results.find(({ is }) => is === 'made'), results.find(({ is }) => is === 'made')].map(one => (one && 'result' in one ? one.result : '')),
    )
  })

  test('that failed is not taken as done', async () => {
    await store
      .change(async nouns => {
        await nouns.once.take(key)
        await nouns.aliases.add('office@example.com', 'office@example.com')
      })
      .catch(() => undefined)
    expect(await store.once.take(key)).toEqual({ is: 'fresh' })
  })
})
