/** Two processes of one machine: a wrong secret counts once, whichever of them it comes to, and guesses are counted together at once. */
import { expect, test, vi } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { Machine, type News } from '../machine/machine.ts'
import { Limiter } from './limiter.ts'

const nobody = { isRecognisedNetwork: async () => false, isRecognisedByAnyMailbox: async () => false }

function openTwo() {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const machines: Machine[] = []
  const settings = { workers: 2, key: new Uint8Array(32), ticketKeys: Buffer.alloc(48) }
  for (const other of [1, 0]) machines.push(new Machine({ ...settings, send: (news: News) => machines[other]?.hear(news) }))
  return machines.map(machine => new Limiter(nobody, () => [], machine)) as [Limiter, Limiter]
}

async function guess(limiter: Limiter, secret: string) {
  const attempt = await limiter.admit('192.0.2.1', 'ann@example.com')
  const failure = await limiter.wrong(attempt, Secret.fromText(secret))
  await vi.advanceTimersByTimeAsync(50)
  return failure
}

test('an app that repeats its wrong secret at both has made one mistake', async () => {
  const limiters = openTwo()
  for (let i = 0; i < 20; i += 1) await guess(limiters[(i % 2) as 0 | 1], 'the old password')
  expect(await Promise.all(limiters.map(({ counters }) => counters.block.count('192.0.2.1')))).toEqual([1, 1])
})

test('different ones count together: who is over the limit at one is over it at the other', async () => {
  const limiters = openTwo()
  for (let i = 0; i < 12; i += 1) await guess(limiters[(i % 2) as 0 | 1], `guess ${i}`)
  for (const { counters } of limiters) expect(await counters.block.count('192.0.2.1')).toBe(12)
  expect((await guess(limiters[1], 'one more')).delayMs).toBeGreaterThan(0)
})

test('each tells the store of its own, and the store’s sum changes nothing', async () => {
  const limiters = openTwo()
  for (let i = 0; i < 12; i += 1) await guess(limiters[(i % 2) as 0 | 1], `guess ${i}`)
  const told = await Promise.all(limiters.map(({ counters }) => counters.block.unshared(100)))
  expect(told.map(([count]) => count?.added)).toEqual([6, 6])
  for (const [index, { counters }] of limiters.entries()) {
    counters.block.shared(told[index] ?? [])
    await counters.block.accept({ subject: '192.0.2.1', count: 12, expiresAt: Date.now() + 3_600_000 })
    expect(await counters.block.count('192.0.2.1')).toBe(12)
  }
})

test.each([
  ['the first writes first', [0, 1, 0, 1]],
  ['the other writes first', [1, 0, 1, 0]],
  ['one writes twice before the other', [0, 0, 1, 1]],
] as const)('however the writes to the store fall, it counts each guess once: %s', async (_, order) => {
  const limiters = openTwo()
  // As `limit-records.ts` writes a row.
  let stored: number | undefined
  const exchange = async ({ counters: { block } }: Limiter) => {
    const counts = await block.unshared(100)
    for (const { added, total } of counts) stored = stored === undefined ? total : Math.max(stored + added, total)
    block.shared(counts)
    if (stored !== undefined) await block.accept({ subject: '192.0.2.1', count: stored, expiresAt: Date.now() + 3_600_000 })
  }
  let guesses = 0
  for (const index of order) {
    for (let i = 0; i < 7; i += 1) await guess(limiters[(i % 2) as 0 | 1], `guess ${guesses++}`)
    await exchange(limiters[index])
  }
  for (const limiter of [...limiters, ...limiters]) await exchange(limiter)
  expect(stored).toBe(guesses)
  for (const { counters } of limiters) expect(await counters.block.count('192.0.2.1')).toBe(guesses)
})
