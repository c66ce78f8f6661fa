import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Log, LogEvent } from '../../base/log.ts'
import { StoreHealth } from './store-health.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function open(readSpace: (() => Promise<{ freeBytes: number; reserveBytes: number; isLow: boolean }>) | undefined) {
  const events: LogEvent[] = []
  const write = (event: LogEvent) => void events.push(event)
  const log: Log = { debug: write, info: write, warn: write, error: write, with: () => log }
  const recorder = { isFailing: false, lastFailureAt: undefined as number | undefined }
  return { health: new StoreHealth(readSpace === undefined ? {} : { readSpace }, recorder, log), recorder, events }
}

test('a disk that fills up is told once each time, and while it lasts', async () => {
  let isLow = false
  const { health, events } = open(async () => ({ freeBytes: 1, reserveBytes: 1, isLow }))
  await health.start()
  const seen = [health.warnings().length]
  for (isLow of [true, true, false, true]) {
    await vi.advanceTimersByTimeAsync(5_000)
    seen.push(health.warnings().length)
  }
  health.stop()
  expect(seen).toEqual([0, 1, 1, 0, 1])
  expect(events).toEqual(['store.space-low', 'store.space-low'])
})

test.each([
  ['is another server’s', undefined],
  ['cannot be looked at', () => Promise.reject(new Error('EIO'))],
])('a disk that %s is no warning', async (_what, readSpace) => {
  const { health, events } = open(readSpace)
  await health.start()
  health.stop()
  expect([health.warnings(), health.space, events]).toEqual([[], undefined, []])
})

test('records that cannot be written are a warning for as long as that lasts, and remembered', () => {
  const { health, recorder } = open(undefined)
  Object.assign(recorder, { isFailing: true, lastFailureAt: 7 })
  expect([health.warnings(), health.lastFailureAt]).toEqual([['store-unwritable'], 7])
  recorder.isFailing = false
  expect([health.warnings(), health.lastFailureAt]).toEqual([[], 7])
})
