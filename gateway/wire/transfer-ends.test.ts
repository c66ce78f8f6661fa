/** A transfer whose receiver is slow in the most unpleasant way: it looks at the memory of a write only when that is over. */
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { MemoryPool, PIECE_BYTES } from './memory-pool.ts'
import { Transfer, type TransferOptions } from './transfer.ts'

afterEach(() => {
  vi.useRealTimers()
})

class PoisonedPool extends MemoryPool {
  override give(piece: Buffer): void {
    super.give(piece.fill(0xdb))
  }
}

/** As a plain socket does it, it keeps a pointer and copies nothing; as a TLS socket (`encrypted`), it has taken the bytes when `write` returns. */
class LateReceiver extends Duplex {
  readonly received: Buffer[] = []
  readonly encrypted: boolean
  readonly #pending: (() => void)[] = []

  constructor(encrypted: boolean) {
    super()
    this.encrypted = encrypted
    this.on('error', () => {})
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: string, done: (error?: Error) => void): void {
    const taken = this.encrypted ? Buffer.from(chunk) : chunk
    this.#pending.push(() => {
      this.received.push(Buffer.from(taken))
      done()
    })
  }

  /** Its kernel takes what was written first. */
  takeOne(): boolean {
    const take = this.#pending.shift()
    take?.()
    return take !== undefined
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // A closed handle calls back for the write that it was busy with.
    for (const take of this.#pending.splice(0)) setImmediate(take)
    done(error)
  }
}

class Sender extends Duplex {
  readonly encrypted: boolean
  constructor(encrypted: boolean) {
    super()
    this.encrypted = encrypted
    this.on('error', () => {})
  }
  override _read(): void {}
  override _write(): void {}
}

function open(from: 'plain' | 'tls', to: 'plain' | 'tls', options: TransferOptions = {}) {
  const pool = new PoisonedPool()
  const [sender, receiver] = [new Sender(from === 'tls'), new LateReceiver(to === 'tls')]
  return { pool, sender, receiver, transfer: new Transfer(sender, receiver, { pool, ...options }) }
}

const turn = () => new Promise(setImmediate)
async function takeAll(receiver: LateReceiver): Promise<void> {
  do await turn()
  while (receiver.takeOne())
}

const RECORD = 16 * 1024

/** Other sessions read into it next. */
const SHARED = Buffer.alloc(PIECE_BYTES)
function pass(transfer: Transfer, bytes: Buffer): void {
  const chunk = SHARED.subarray(0, bytes.length)
  chunk.set(bytes)
  transfer.passShared(chunk)
  SHARED.fill(0xaa)
}

describe('a transfer', () => {
  it('keeps the memory of a write until it is over, also when more records come after the sender was paused', async () => {
    const { pool, sender, receiver, transfer } = open('tls', 'plain')
    pass(transfer, Buffer.alloc(7 * RECORD, 'a'))
    await turn()
    expect([sender.isPaused(), pool.taken]).toEqual([true, 1])
    for (const letter of ['b', 'c', 'd', 'e']) pass(transfer, Buffer.alloc(RECORD, letter))
    expect([pool.taken, receiver.writableLength]).toEqual([2, 7 * RECORD])
    receiver.takeOne()
    await turn()
    expect([sender.isPaused(), pool.taken, receiver.writableLength]).toEqual([true, 1, 4 * RECORD])
    receiver.takeOne()
    await turn()
    expect(pool.taken).toBe(0)
    expect(sender.isPaused()).toBe(false)
    expect(
      Buffer.concat(receiver.received).equals(Buffer.concat([Buffer.alloc(7 * RECORD, 'a'), ...['b', 'c', 'd', 'e'].map(x => Buffer.alloc(RECORD, x))])),
    ).toBe(true)
  })

  it('is done only when also what came while the sender was paused is taken', async () => {
    const { pool, sender, receiver, transfer } = open('tls', 'plain')
    pass(transfer, Buffer.alloc(RECORD, 'a'))
    await turn()
    pass(transfer, Buffer.alloc(RECORD, 'b'))
    let isDone = false
    const done = transfer.taken().then(() => {
      isDone = true
    })
    receiver.takeOne()
    await turn()
    expect([isDone, sender.isPaused(), transfer.isAtRest]).toEqual([false, true, false])
    receiver.takeOne()
    await done
    expect([sender.isPaused(), transfer.isAtRest, pool.taken]).toEqual([false, true, 0])
  })

  it('goes on after a write below the high-water mark, of which no drain is told', async () => {
    const { sender, receiver, transfer } = open('tls', 'plain')
    const onDrain = vi.fn()
    receiver.on('drain', onDrain)
    pass(transfer, Buffer.alloc(10_000))
    await turn()
    expect(sender.isPaused()).toBe(true)
    receiver.takeOne()
    await turn()
    expect(sender.isPaused()).toBe(false)
    expect(onDrain).not.toHaveBeenCalled()
  })

  it('gives memory back at once where the receiver has encrypted it', async () => {
    const { pool, receiver, transfer } = open('tls', 'tls')
    pass(transfer, Buffer.alloc(RECORD, 'a'))
    await turn()
    expect(pool.taken).toBe(0)
    receiver.takeOne()
    expect(Buffer.concat(receiver.received).equals(Buffer.alloc(RECORD, 'a'))).toBe(true)
  })

  it('writes from the shared memory only to a receiver that encrypts and is idle', () => {
    const { receiver, transfer } = open('plain', 'tls')
    pass(transfer, Buffer.alloc(100, 'a'))
    pass(transfer, Buffer.alloc(100, 'b'))
    receiver.cork()
    pass(transfer, Buffer.alloc(100, 'c'))
    receiver.uncork()
    while (receiver.takeOne());
    expect(Buffer.concat(receiver.received).toString()).toBe('a'.repeat(100) + 'b'.repeat(100) + 'c'.repeat(100))
  })

  it('small talk keeps no piece and pauses nobody', async () => {
    const { pool, sender, transfer } = open('tls', 'plain')
    for (let i = 0; i < 3; i += 1) {
      pass(transfer, Buffer.from('a NOOP\r\n'))
      await turn()
    }
    expect([pool.taken, sender.isPaused()]).toEqual([0, false])
  })

  it('copies where all pieces are out, in order, and pauses the sender', async () => {
    const { pool, sender, receiver, transfer } = open('tls', 'plain')
    const others = Array.from({ length: MemoryPool.MAX_TAKEN }, () => pool.take() as Buffer)
    expect(pool.take()).toBeUndefined()
    pass(transfer, Buffer.alloc(RECORD, 'a'))
    expect(sender.isPaused()).toBe(true)
    for (const piece of others) pool.give(piece)
    pass(transfer, Buffer.alloc(RECORD, 'b'))
    while (receiver.takeOne()) await turn()
    expect(Buffer.concat(receiver.received).equals(Buffer.concat([Buffer.alloc(RECORD, 'a'), Buffer.alloc(RECORD, 'b')]))).toBe(true)
    expect([pool.taken, sender.isPaused()]).toEqual([0, false])
  })

  it('tells of a receiver that takes nothing for too long, once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const onStalled = vi.fn()
    const { receiver, transfer } = open('tls', 'plain', { stall: { ms: 1000, onStalled } })
    pass(transfer, Buffer.alloc(RECORD))
    await turn()
    vi.advanceTimersByTime(999)
    expect(onStalled).not.toHaveBeenCalled()
    vi.advanceTimersByTime(10_000)
    expect(onStalled).toHaveBeenCalledOnce()
    receiver.destroy()
    await turn()
    pass(transfer, Buffer.alloc(RECORD))
    vi.advanceTimersByTime(10_000)
    expect(onStalled).toHaveBeenCalledOnce()
  })

  it.each(['gathers', 'has them queued', 'has none of the pool'] as const)('is slow, not stalled, where a write after the other is taken: it %s', async how => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const onStalled = vi.fn()
    const { pool, receiver, transfer } = open('tls', 'plain', { stall: { ms: 1000, onStalled } })
    if (how === 'has none of the pool') while (pool.take() !== undefined);
    for (let i = 0; i < 3; i += 1) {
      pass(transfer, Buffer.alloc(RECORD))
      if (how === 'has them queued') transfer.flush()
      if (i === 0) await turn()
    }
    const writes = how === 'gathers' ? 2 : 3
    for (let i = 1; i < writes; i += 1) {
      vi.advanceTimersByTime(900)
      receiver.takeOne()
      await turn()
    }
    vi.advanceTimersByTime(900)
    expect(onStalled).not.toHaveBeenCalled()
    vi.advanceTimersByTime(100)
    expect(onStalled).toHaveBeenCalledOnce()
  })

  it('leaves half of the pieces to those that move, where very many wait', async () => {
    const { pool, receiver, transfer } = open('tls', 'plain')
    while (pool.takeToWait() !== undefined);
    expect(pool.taken).toBe(MemoryPool.MAX_TAKEN / 2)
    pass(transfer, Buffer.alloc(RECORD, 'a'))
    await turn()
    expect(pool.taken).toBe(MemoryPool.MAX_TAKEN / 2 + 1)
    pass(transfer, Buffer.alloc(RECORD, 'b'))
    expect(pool.taken).toBe(MemoryPool.MAX_TAKEN / 2 + 1)
    await takeAll(receiver)
    expect(Buffer.concat(receiver.received).equals(Buffer.concat([Buffer.alloc(RECORD, 'a'), Buffer.alloc(RECORD, 'b')]))).toBe(true)
    expect(pool.taken).toBe(MemoryPool.MAX_TAKEN / 2)
  })

  it('lets its sender go on when the receiver is gone', async () => {
    const { sender, receiver, transfer } = open('tls', 'plain')
    pass(transfer, Buffer.alloc(RECORD))
    await turn()
    const taken = transfer.taken()
    receiver.destroy()
    await taken
    expect(sender.isPaused()).toBe(false)
  })

  it('passes on a prefix of what came and nothing else, and gives all memory back, however it ends', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('pass' as const),
          bytes: fc.oneof(fc.integer({ min: 1, max: 9_000 }), fc.integer({ min: 1, max: RECORD }), fc.integer({ min: 1, max: PIECE_BYTES })),
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('take' as const, 'turn' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('own' as const, 'flush' as const, 'cork' as const) }) },
    )
    const end = fc.constantFrom('close', 'receiver gone', 'sender gone', 'receiver gone, then closed', 'closed, then receiver gone', 'flush', 'wait')
    const kind = fc.constantFrom('plain' as const, 'tls' as const)
    await fc.assert(
      fc.asyncProperty(kind, kind, fc.array(step, { maxLength: 25 }), end, async (from, to, steps, how) => {
        const { pool, sender, receiver, transfer } = open(from, to)
        const sent: Buffer[] = []
        let letter = 0
        for (const one of steps) {
          if (one.do === 'pass' || one.do === 'own') {
            const bytes = Buffer.alloc(one.do === 'pass' ? one.bytes : 5_000, 97 + (letter++ % 26))
            sent.push(bytes)
            if (one.do === 'pass') pass(transfer, bytes)
            else transfer.pass(Buffer.from(bytes))
          } else if (one.do === 'take') receiver.takeOne()
          else if (one.do === 'flush') transfer.flush()
          else if (one.do === 'cork') {
            receiver.cork()
            setImmediate(() => receiver.uncork())
          } else await turn()
        }
        if (how.startsWith('receiver gone')) receiver.destroy()
        if (how === 'sender gone') sender.destroy()
        const isWhole = how === 'flush' || how === 'wait'
        if (how === 'flush') transfer.flush()
        if (isWhole || how === 'sender gone') await takeAll(receiver)
        if (isWhole) expect([transfer.isAtRest, transfer.isWaiting]).toEqual([true, false])
        if (how !== 'receiver gone') transfer.close()
        if (how === 'closed, then receiver gone') receiver.destroy()
        for (let i = 0; i < 3; i += 1) await turn()
        transfer.close()
        await takeAll(receiver)
        expect(pool.taken).toBe(0)
        const [all, received] = [Buffer.concat(sent), Buffer.concat(receiver.received)]
        expect(received.equals(isWhole ? all : all.subarray(0, received.length))).toBe(true)
      }),
      { numRuns: 150 },
    )
  })
})
