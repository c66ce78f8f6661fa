import { expect, test } from 'vitest'
import { SpareTime } from './spare-time.ts'

function openLoop() {
  const spent = { active: 0, idle: 0 }
  const spare = new SpareTime(() => ({ ...spent }))
  /** Lets `ms` pass with the loop working for a part of it; gives the share afterwards. */
  const pass = (ms: number, part: number): number => {
    spent.active += ms * part
    spent.idle += ms * (1 - part)
    return spare.share()
  }
  return { spare, pass }
}

test('all while there is time, less at once when there is none, never nothing', () => {
  const { spare, pass } = openLoop()
  expect(spare.share()).toBe(1)
  expect(pass(100, 0.9)).toBe(0.5)
  expect(pass(100, 0.9)).toBe(0.25)
  expect(pass(5_000, 1)).toBe(0.25)
})

test('comes back within a second', () => {
  const { pass } = openLoop()
  pass(1_000, 1)
  expect(pass(100, 0.1)).toBeCloseTo(0.35)
  for (let i = 0; i < 8; i++) pass(100, 0.5)
  expect(pass(100, 0.1)).toBe(1)
})

test('does not look at moments that are too short to tell', () => {
  const { pass } = openLoop()
  expect(pass(50, 1)).toBe(1)
  expect(pass(50, 1)).toBe(0.5)
})
