/** Whose clock counts, and when the server is asked again. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Backend } from './schema/backend.ts'
import { ServerClock } from './server-clock.ts'

const MINUTE = 60_000
let ahead: number
let asked: number
const backend = {
  readClockAheadMs: async () => {
    asked += 1
    return ahead
  },
} as unknown as Backend

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 })
  ahead = 0
  asked = 0
})
afterEach(() => {
  vi.useRealTimers()
})

test.each([
  [5 * MINUTE, 5 * MINUTE],
  [-5 * MINUTE, -5 * MINUTE],
  [4_999, 0],
  [-4_999, 0],
])('a server that is %i ms ahead adds %i', async (difference, added) => {
  ahead = difference
  const clock = await ServerClock.open(backend, Date.now)
  expect([clock.aheadMs, clock.now()]).toEqual([added, Date.now() + added])
})

test('a file has no other clock', async () => {
  const clock = await ServerClock.open({} as Backend, Date.now)
  expect(clock.now()).toBe(Date.now())
})

test('it is asked once a minute, and at once when the clock of the machine was set', async () => {
  const clock = await ServerClock.open(backend, Date.now)
  for (let seconds = 0; seconds < 59; seconds++) {
    await vi.advanceTimersByTimeAsync(1_000)
    clock.now()
  }
  expect(asked).toBe(1)
  ahead = 7 * MINUTE
  await vi.advanceTimersByTimeAsync(2_000)
  clock.now()
  await vi.advanceTimersByTimeAsync(0)
  expect([asked, clock.now()]).toEqual([2, Date.now() + 7 * MINUTE])
  vi.setSystemTime(Date.now() + 7 * MINUTE)
  ahead = 0
  clock.now()
  await vi.advanceTimersByTimeAsync(0)
  expect([asked, clock.now()]).toEqual([3, Date.now()])
})
