import { describe, expect, test } from 'vitest'
import { MigrationGate } from './migration-gate.ts'

const LIMITS = { atOnce: 3, atOncePerMailbox: 2, waiting: 4, waitingPerMailbox: 2 }

/** A gate and what goes through it: each run begins when it is let in and ends when it is told to. */
function openBench() {
  const gate = new MigrationGate(LIMITS)
  const inside: string[] = []
  const ends = new Map<string, () => void>()
  const run = (name: string, signal = new AbortController().signal) =>
    gate.run(name.slice(0, 1), signal, async () => {
      inside.push(name)
      await new Promise<void>(resolve => ends.set(name, resolve))
      inside.splice(inside.indexOf(name), 1)
      return name
    })
  const end = async (name: string) => {
    ends.get(name)?.()
    await new Promise(resolve => setImmediate(resolve))
  }
  return { run, end, inside }
}

describe('the gate', () => {
  test('lets so many in for one mailbox, so many in all, the others in the order of coming', async () => {
    const { run, end, inside } = openBench()
    const done = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map(name => run(name))
    expect(inside).toEqual(['a1', 'a2', 'b1'])
    await end('b1')
    // a3 came before, but a has its two.
    expect(inside).toEqual(['a1', 'a2', 'b2'])
    await end('a1')
    expect(inside).toEqual(['a2', 'b2', 'a3'])
    for (const name of ['a2', 'b2', 'a3', 'c1']) await end(name)
    expect(await Promise.all(done)).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
  })

  test('sends away who would be one too many of his mailbox or in all', async () => {
    const { run, end, inside } = openBench()
    for (const name of ['a1', 'a2', 'b1', 'a3', 'a4']) void run(name)
    await expect(run('a5')).rejects.toMatchObject({ reason: 'busy', reply: 'unavailable' })
    for (const name of ['b2', 'b3']) void run(name)
    await expect(run('c1')).rejects.toMatchObject({ reason: 'busy' })
    await end('a1')
    void run('c2')
    expect(inside).toEqual(['a2', 'b1', 'a3'])
  })

  test('forgets who leaves while he waits', async () => {
    const { run, end, inside } = openBench()
    for (const name of ['a1', 'a2']) void run(name)
    const controller = new AbortController()
    const leaving = run('a3', controller.signal)
    const waiting = run('a4')
    controller.abort(new Error('the client left'))
    await expect(leaving).rejects.toThrow('the client left')
    await end('a1')
    expect(inside).toEqual(['a2', 'a4'])
    await end('a4')
    expect(await waiting).toBe('a4')
    await expect(run('a5', controller.signal)).rejects.toThrow('the client left')
    // Nothing was lost by it: there is room for two again.
    void run('a6')
    expect(inside).toEqual(['a2', 'a6'])
  })

  test('is free again after a failure', async () => {
    const gate = new MigrationGate({ ...LIMITS, atOnce: 1 })
    const fails = () => gate.run('a', new AbortController().signal, async () => Promise.reject(new Error('no')))
    for (let at = 0; at < 5; at += 1) await expect(fails()).rejects.toThrow('no')
  })
})
