import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FailureCounter } from './failure-counter.ts'

const HOUR = 3_600_000

function makeCounter(changes: Partial<ConstructorParameters<typeof FailureCounter>[0]> = {}): FailureCounter {
  return new FailureCounter({ windowMs: HOUR, maxKeys: 100, maxFingerprints: 20, ...changes })
}

async function addMany(counter: FailureCounter, subject: string, from: number, to: number): Promise<void> {
  for (let fingerprint = from; fingerprint < to; fingerprint++) await counter.add(subject, fingerprint)
}

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22) })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('distinct wrong secrets', () => {
  test('the same one again counts once, another one counts', async () => {
    const counter = makeCounter()
    expect(await counter.add('192.0.2.1', 7)).toEqual({ count: 1, isNew: true })
    expect(await counter.add('192.0.2.1', 7)).toEqual({ count: 1, isNew: false })
    expect(await counter.add('192.0.2.1', 8)).toEqual({ count: 2, isNew: true })
    expect(await counter.count('192.0.2.2')).toBe(0)
  })

  test('are forgotten when the window is over, also which they were', async () => {
    const counter = makeCounter()
    await addMany(counter, '192.0.2.1', 0, 12)
    vi.advanceTimersByTime(HOUR + 1)
    expect(await counter.count('192.0.2.1')).toBe(0)
    expect(await counter.add('192.0.2.1', 3)).toEqual({ count: 1, isNew: true })
  })

  test('go on counting beyond those that are told apart', async () => {
    const counter = makeCounter({ maxFingerprints: 3 })
    await addMany(counter, '192.0.2.1', 0, 5)
    expect(await counter.count('192.0.2.1')).toBe(5)
  })

  test('of more keys than there is memory for: the one that failed longest ago gives way', async () => {
    const counter = makeCounter({ maxKeys: 2 })
    await counter.add('a', 1)
    await counter.add('b', 1)
    await counter.add('a', 2)
    await counter.add('c', 1)
    expect([await counter.count('a'), await counter.count('b'), await counter.count('c')]).toEqual([2, 0, 1])
    expect(vi.getTimerCount()).toBe(2)
  })
})

describe('sharing with other nodes', () => {
  test('begins at the fifth, then tells only what is new', async () => {
    const counter = makeCounter()
    await addMany(counter, 'a', 0, 4)
    expect(await counter.unshared(10)).toEqual([])
    await counter.add('a', 4)
    const [first] = await counter.unshared(10)
    expect(first).toMatchObject({ subject: 'a', added: 5, expiresAt: Date.now() + HOUR })
    counter.shared(first === undefined ? [] : [first])
    expect(await counter.unshared(10)).toEqual([])
    await counter.add('a', 5)
    expect(await counter.unshared(10)).toMatchObject([{ added: 1 }])
  })

  test('counts that come at the same moment are all counted', async () => {
    const counter = makeCounter()
    await Promise.all(Array.from({ length: 15 }, (_, fingerprint) => counter.add('a', fingerprint)))
    expect(await counter.count('a')).toBe(15)
  })

  test('what came while the store wrote is told with the next', async () => {
    const counter = makeCounter()
    await addMany(counter, 'a', 0, 6)
    const told = await counter.unshared(10)
    await addMany(counter, 'a', 6, 16)
    counter.shared(told)
    expect(await counter.unshared(10)).toMatchObject([{ added: 10, total: 16 }])
  })

  test('what the store did not answer to is not added again: its total tells what may be missing', async () => {
    const counter = makeCounter()
    await addMany(counter, 'a', 0, 6)
    counter.uncertain(await counter.unshared(10))
    const again = await counter.unshared(10)
    expect(again).toMatchObject([{ added: 0, total: 6 }])
    await counter.accept({ subject: 'a', count: 2, expiresAt: Date.now() + HOUR })
    expect(await counter.count('a')).toBe(6)
    counter.shared(await counter.unshared(10))
    expect(await counter.unshared(10)).toEqual([])
  })

  test('an end beyond the window is none: the clock of another node was ahead', async () => {
    const counter = makeCounter()
    await counter.accept({ subject: 'a', count: 90, expiresAt: Date.now() + 365 * 24 * HOUR })
    expect(await counter.count('a')).toBe(90)
    vi.advanceTimersByTime(HOUR + 1)
    expect(await counter.count('a')).toBe(0)
  })

  test('what is read and not written yet is told again', async () => {
    const counter = makeCounter()
    await addMany(counter, 'a', 0, 6)
    await counter.unshared(10)
    expect(await counter.unshared(10)).toMatchObject([{ added: 6 }])
  })

  test('a flood of keys is told in parts', async () => {
    const counter = makeCounter()
    for (const subject of ['a', 'b', 'c']) await addMany(counter, subject, 0, 5)
    const first = await counter.unshared(2)
    counter.shared(first)
    expect([...first, ...(await counter.unshared(2))].map(({ subject }) => subject)).toEqual(['a', 'b', 'c'])
  })

  test('takes over what others counted, and adds its own that they do not know yet', async () => {
    const counter = makeCounter()
    await addMany(counter, 'a', 0, 6)
    counter.shared(await counter.unshared(10))
    await counter.add('a', 6)
    await counter.accept({ subject: 'a', count: 40, expiresAt: Date.now() + HOUR })
    expect(await counter.count('a')).toBe(41)
    expect(await counter.unshared(10)).toMatchObject([{ added: 1 }])
  })

  test('a cleared count is forgotten, and its secrets count anew', async () => {
    const counter = makeCounter()
    await addMany(counter, 'a', 0, 6)
    counter.shared(await counter.unshared(10))
    await counter.accept({ subject: 'a', count: 0, expiresAt: Date.now() + 60_000 })
    expect(await counter.count('a')).toBe(0)
    expect(await counter.add('a', 0)).toEqual({ count: 1, isNew: true })
  })
})
