import { describe, expect, test } from 'vitest'
import { ResponseTimeBuckets } from './response-time-buckets.ts'

const GRID = 500

describe('refusals', () => {
  test('leave at the next step of the grid counted from receipt, whatever the work took', () => {
    const slots = new ResponseTimeBuckets({ share: () => 1 }, { gridMs: GRID, slotMs: 50, perSlot: 10 })
    const leavesAfter = (workMs: number) => workMs + slots.reserve({ receivedAt: 10_123, delayMs: 0, now: 10_123 + workMs }).waitMs
    expect([1, 20, 499].map(leavesAfter)).toEqual([GRID, GRID, GRID])
    expect(leavesAfter(501)).toBe(2 * GRID)
  })

  test('a delay comes on top', () => {
    const slots = new ResponseTimeBuckets({ share: () => 1 }, { gridMs: GRID, slotMs: 50, perSlot: 10 })
    expect(slots.reserve({ receivedAt: 0, delayMs: 4 * GRID, now: 100 }).waitMs).toBe(5 * GRID - 100)
  })

  test('more than fit into a slot wait for the next', () => {
    const slots = new ResponseTimeBuckets({ share: () => 1 }, { gridMs: GRID, slotMs: 50, perSlot: 2 })
    const waits = Array.from({ length: 5 }, () => slots.reserve({ receivedAt: 0, delayMs: 0, now: 10 }).waitMs)
    expect(waits).toEqual([490, 490, 540, 540, 590])
  })

  test('fewer fit in while the loop has no time to spare', () => {
    const slots = new ResponseTimeBuckets({ share: () => 0.2 }, { gridMs: GRID, slotMs: 50, perSlot: 5 })
    expect(Array.from({ length: 3 }, () => slots.reserve({ receivedAt: 0, delayMs: 0, now: 10 }).waitMs)).toEqual([490, 540, 590])
  })

  test('slots that are over are forgotten', () => {
    const slots = new ResponseTimeBuckets({ share: () => 1 }, { gridMs: GRID, slotMs: 50, perSlot: 1 })
    slots.reserve({ receivedAt: 0, delayMs: 0, now: 1 }).waitMs
    expect(slots.reserve({ receivedAt: 10_000, delayMs: 0, now: 10_001 }).waitMs).toBe(499)
  })

  test('whoever has left gives his place back', () => {
    const slots = new ResponseTimeBuckets({ share: () => 1 }, { gridMs: GRID, slotMs: 50, perSlot: 1 })
    for (let i = 0; i < 1_000; i++) slots.reserve({ receivedAt: 0, delayMs: 0, now: 10 }).giveBack()
    expect(slots.reserve({ receivedAt: 0, delayMs: 0, now: 10 }).waitMs).toBe(490)
  })
})
