import { describe, expect, test } from 'vitest'
import { ResponseTimeBuckets } from './response-time-buckets.ts'

const BUCKET_MS = 500

describe('refusals', () => {
  test('leave at the end of a bucket counted from receipt, whatever the work took', () => {
    const buckets = new ResponseTimeBuckets({ share: () => 1 }, { bucketMs: BUCKET_MS, windowMs: 50, perWindow: 10 })
    const leavesAfter = (workMs: number) => workMs + buckets.reserve({ receivedAt: 10_123, delayMs: 0, now: 10_123 + workMs }).waitMs
    expect([1, 20, 499].map(leavesAfter)).toEqual([BUCKET_MS, BUCKET_MS, BUCKET_MS])
    expect(leavesAfter(501)).toBe(2 * BUCKET_MS)
  })

  test('a delay comes on top', () => {
    const buckets = new ResponseTimeBuckets({ share: () => 1 }, { bucketMs: BUCKET_MS, windowMs: 50, perWindow: 10 })
    expect(buckets.reserve({ receivedAt: 0, delayMs: 4 * BUCKET_MS, now: 100 }).waitMs).toBe(5 * BUCKET_MS - 100)
  })

  test('more than fit into a window wait for the next', () => {
    const buckets = new ResponseTimeBuckets({ share: () => 1 }, { bucketMs: BUCKET_MS, windowMs: 50, perWindow: 2 })
    const waits = Array.from({ length: 5 }, () => buckets.reserve({ receivedAt: 0, delayMs: 0, now: 10 }).waitMs)
    expect(waits).toEqual([490, 490, 540, 540, 590])
  })

  test('fewer fit in while the loop has no time to spare', () => {
    const buckets = new ResponseTimeBuckets({ share: () => 0.2 }, { bucketMs: BUCKET_MS, windowMs: 50, perWindow: 5 })
    expect(Array.from({ length: 3 }, () => buckets.reserve({ receivedAt: 0, delayMs: 0, now: 10 }).waitMs)).toEqual([490, 540, 590])
  })

  test('windows that are over are forgotten', () => {
    const buckets = new ResponseTimeBuckets({ share: () => 1 }, { bucketMs: BUCKET_MS, windowMs: 50, perWindow: 1 })
    buckets.reserve({ receivedAt: 0, delayMs: 0, now: 1 }).waitMs
    expect(buckets.reserve({ receivedAt: 10_000, delayMs: 0, now: 10_001 }).waitMs).toBe(499)
  })

  test('whoever has left gives his place back', () => {
    const buckets = new ResponseTimeBuckets({ share: () => 1 }, { bucketMs: BUCKET_MS, windowMs: 50, perWindow: 1 })
    for (let i = 0; i < 1_000; i++) buckets.reserve({ receivedAt: 0, delayMs: 0, now: 10 }).giveBack()
    expect(buckets.reserve({ receivedAt: 0, delayMs: 0, now: 10 }).waitMs).toBe(490)
  })
})
