import { expect, test, vi } from 'vitest'
import { KeptCounts } from './kept-counts.ts'

const store = {}
/** The thread's CPU, as these tests say it. */
let usedMs = 0
const open = () => new KeptCounts<number>(() => usedMs)
const slow = (value: number) => {
  usedMs += 101
  return value
}

test('what is counted quickly is counted for each page', async () => {
  const kept = open()
  const count = vi.fn(async () => 1)
  await kept.read(store, 'all', 0, count)
  await kept.read(store, 'all', 0, count)
  expect(count).toHaveBeenCalledTimes(2)
})

test('what takes long is kept for a minute, then told once more while it is counted anew, once for everybody', async () => {
  const kept = open()
  let value = 1
  const count = vi.fn(async () => slow(value))
  expect(await kept.read(store, 'all', 0, count)).toBe(1)
  value = 2
  expect(await kept.read(store, 'all', 59_999, count)).toBe(1)
  expect(await kept.read(store, 'other', 0, async () => 9)).toBe(9)
  expect(await kept.read({}, 'all', 0, async () => 8)).toBe(8)
  expect(count).toHaveBeenCalledTimes(1)
  expect(await Promise.all([kept.read(store, 'all', 60_000, count), kept.read(store, 'all', 60_000, count)])).toEqual([1, 1])
  expect(count).toHaveBeenCalledTimes(2)
  await vi.waitFor(async () => expect(await kept.read(store, 'all', 60_001, count)).toBe(2))
})

test('a failure is told to whoever waits for the first count, and to the next one after a count behind their back', async () => {
  const kept = open()
  const fail = async () => {
    throw new Error('away')
  }
  await expect(kept.read(store, 'all', 0, fail)).rejects.toThrow('away')
  await kept.read(store, 'all', 0, async () => slow(1))
  expect(await kept.read(store, 'all', 60_000, fail)).toBe(1)
  await vi.waitFor(async () => expect(kept.read(store, 'all', 60_001, fail)).rejects.toThrow('away'))
})
