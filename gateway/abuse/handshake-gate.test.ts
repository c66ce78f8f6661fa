import { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { HandshakeGate } from './handshake-gate.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function openGate() {
  const gate = new HandshakeGate({ share: () => 1 }, { perSecond: 20, atOnce: 20 })
  const passed: (number | string)[] = []
  const arrive = (name: number | string, block = '192.0.2.1', client = new Socket()) =>
    void gate.pass(block, client).then(isItsTurn => isItsTurn && passed.push(name))
  return { passed, arrive }
}

describe('handshakes from unknown networks', () => {
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

  test('one block that opens a thousand connections a second does not keep the others out', async () => {
    const { passed, arrive } = openGate()
    const waitedMs: number[] = []
    for (let ms = 0; ms < 5_000; ms += 10) {
      for (let i = 0; i < 10; i++) arrive(`flood ${ms} ${i}`, '198.51.100.66')
      const name = `unknown at ${ms}`
      if (ms % 500 === 0) arrive(name, `192.0.2.${ms / 500}`)
      const before = passed.length
      await vi.advanceTimersByTimeAsync(10)
      for (const one of passed.slice(before)) if (String(one).startsWith('unknown')) waitedMs.push(ms + 10 - Number(String(one).split(' ')[2]))
    }
    expect(waitedMs).toHaveLength(10)
    expect(Math.max(...waitedMs)).toBeLessThanOrEqual(150)
  })

  test('who has gone takes nobody’s turn and is told', async () => {
    const { passed, arrive } = openGate()
    const leaver = new Socket()
    for (let name = 0; name < 20; name++) arrive(name)
    arrive(20)
    arrive(21, '192.0.2.1', leaver)
    leaver.destroy()
    arrive(22, '192.0.2.1', leaver)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(passed).toHaveLength(21)
    expect(passed).toContain(20)
  })

  test('leave no timer behind', async () => {
    const { arrive } = openGate()
    for (let name = 0; name < 25; name++) arrive(name)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(vi.getTimerCount()).toBe(0)
  })
})
