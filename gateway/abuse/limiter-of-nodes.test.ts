/** Two machines that share nothing but the store: who guesses at one is refused at the other a second later, and `limits clear` lets him off at both. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Secret } from '../../base/secret.ts'
import type { Store } from '../../store/open-store.ts'
import { StoreFixture } from '../../store/store-fixture.ts'
import { Machine } from '../machine/machine.ts'
import { Limiter } from './limiter.ts'
import { LimiterSync } from './limiter-sync.ts'

const thief = '198.51.100.66'
let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  fixture.now = Date.now()
})
afterEach(() => fixture.remove())

async function openNode() {
  const node = await fixture.openNode()
  const limiter = new Limiter(node, () => [], new Machine())
  const sync = new LimiterSync(node, limiter)
  return {
    guess: async (n: number) => limiter.wrong(await limiter.admit(thief, `ann${n}@example.com`), Secret.fromText(`guess ${n}`)),
    termsOf: async (ip: string) => (await limiter.admit(ip, 'bert@example.com')).terms,
    /** What it does each second. */
    exchange: () => sync.stop(),
  }
}

test('guesses at two nodes count together', async () => {
  const [one, two] = [await openNode(), await openNode()]
  for (let n = 0; n < 60; n++) await one.guess(n)
  for (let n = 60; n < 120; n++) await two.guess(n)
  expect([await one.termsOf(thief), await two.termsOf(thief)]).toEqual(['open', 'open'])
  for (const node of [one, two, one]) await node.exchange()
  expect([await one.termsOf(thief), await two.termsOf(thief)]).toEqual(['closed', 'closed'])
  expect(await two.termsOf('192.0.2.1')).toBe('open')
  // One that is started now begins with what the others know.
  const three = await openNode()
  await three.exchange()
  expect(await three.termsOf(thief)).toBe('closed')
  await store.limits.clear({ subject: thief })
  for (const node of [one, two, three]) {
    await node.exchange()
    expect(await node.termsOf(thief)).toBe('open')
  }
})
