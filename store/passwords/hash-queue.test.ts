import { describe, expect, test } from 'vitest'
import { HashQueue, type HashTurn } from './hash-queue.ts'

/** A queue whose computations end when they are told to. */
function openQueue(atOnce: number, maxWaiting = 256) {
  const queue = new HashQueue(atOnce, maxWaiting)
  const started: string[] = []
  const ends = new Map<string, () => void>()
  const run = (name: string, turn: HashTurn = {}) =>
    queue.run(turn, () => {
      started.push(name)
      return new Promise<void>(resolve => ends.set(name, resolve))
    })
  const end = async (name: string) => {
    ends.get(name)?.()
    await new Promise(setImmediate)
  }
  return { queue, started, run, end }
}

describe('hashes that any secret must be tried against', () => {
  test('take one place: a login whose tag fits is computed at once, whatever the flood', async () => {
    const { run, started, queue } = openQueue(2)
    for (let mailbox = 0; mailbox < 20; mailbox += 1) for (let i = 0; i < 5; i += 1) void run(`guess ${mailbox} ${i}`, { untaggedOf: `m${mailbox}` })
    void run('a login')
    await Promise.resolve()
    expect(started).toEqual(['guess 0 0', 'a login'])
    expect(queue.waiting).toBe(99)
    expect(queue.isFull).toBe(false)
  })

  test('of several mailboxes are computed in turn, and every second time at most while others wait', async () => {
    const { run, started, end } = openQueue(1)
    void run('first')
    for (const name of ['a1', 'a2', 'a3']) void run(name, { untaggedOf: 'a' })
    void run('b1', { untaggedOf: 'b' })
    for (const name of ['login 1', 'login 2']) void run(name)
    for (const name of ['first', 'a1', 'login 1', 'b1', 'login 2', 'a2', 'a3']) {
      expect(started.at(-1)).toBe(name)
      await end(name)
    }
  })

  test('of one mailbox a few wait; the others are told to come again, and other mailboxes are not', async () => {
    const { run, queue } = openQueue(1)
    void run('first')
    const refused: string[] = []
    for (let i = 0; i < 20; i++) void run(`${i}`, { untaggedOf: 'a' }).catch(error => refused.push(error.code as string))
    void run('other', { untaggedOf: 'b' }).catch(error => refused.push(error.code as string))
    await new Promise(setImmediate)
    expect(refused).toEqual(Array(8).fill('HASH_QUEUE_FULL'))
    expect(queue.waiting).toBe(13)
  })
})

test.each([{}, { untaggedOf: 'a' }])('who leaves the queue frees his place, and nobody else’s: %j', async turn => {
  const { run, started, end, queue } = openQueue(1, 2)
  void run('first')
  const controller = new AbortController()
  const leaving = run('leaves', { ...turn, signal: controller.signal })
  void run('stays', turn)
  controller.abort(new Error('too late'))
  await expect(leaving).rejects.toThrow('too late')
  expect(queue.waiting).toBe(1)
  await end('first')
  expect(started).toEqual(['first', 'stays'])
  await end('stays')
  expect([queue.running, queue.waiting]).toEqual([0, 0])
  await expect(run('never', { signal: controller.signal })).rejects.toThrow('too late')
})
