import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { HandshakeGate } from './handshake-gate.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function openGate() {
  const gate = new HandshakeGate({ perSecond: 20, atOnce: 20 })
  const passed: number[] = []
  const arrive = (name: number, signal = new AbortController().signal) => void gate.pass(signal).then(() => passed.push(name))
  return { passed, arrive }
}

describe('strangers who want a handshake', () => {
  test('some pass at once, then so many a second, the newest first', async () => {
    const { passed, arrive } = openGate()
    for (let name = 0; name < 30; name++) arrive(name)
    await vi.advanceTimersByTimeAsync(0)
    expect(passed).toHaveLength(20)
    await vi.advanceTimersByTimeAsync(50)
    expect(passed.at(-1)).toBe(29)
    await vi.advanceTimersByTimeAsync(450)
    expect(passed).toHaveLength(30)
    expect(passed.at(-1)).toBe(20)
  })

  test('who has gone takes nobody’s turn', async () => {
    const { passed, arrive } = openGate()
    const leaver = new AbortController()
    for (let name = 0; name < 20; name++) arrive(name)
    arrive(20)
    arrive(21, leaver.signal)
    leaver.abort()
    await vi.advanceTimersByTimeAsync(50)
    expect(passed).toContain(20)
  })

  test('leave no timer behind', async () => {
    const { arrive } = openGate()
    for (let name = 0; name < 25; name++) arrive(name)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(vi.getTimerCount()).toBe(0)
  })
})
