import { createHash, randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { divert } from '../../base/sockets/shared-read.ts'
import { LIMITS } from '../limits.ts'
import { type Leg, openClientLeg, openUpstreamLeg, type Reads } from './leg-fixture.ts'
import { MEMORY_POOL, PIECE_BYTES } from './memory-pool.ts'
import { Splice } from './splice.ts'

const POISON = 0xdb

/** Whoever still reads from memory that he gave back reads this. */
let before = 0
beforeEach(() => {
  // What tests of other files left on its way.
  before = MEMORY_POOL.taken
  const give = MEMORY_POOL.give.bind(MEMORY_POOL)
  vi.spyOn(MEMORY_POOL, 'give').mockImplementation(piece => give(piece.fill(POISON)))
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** Another session that overwrites all of the shared memory, again and again, until it is ended. */
async function poisonSharedMemory(): Promise<() => void> {
  const { ours, peer } = await openUpstreamLeg('plain')
  divert(ours, () => {})
  ours.resume()
  const poison = Buffer.alloc(4 * PIECE_BYTES, POISON)
  const go = () => void peer.write(poison, () => setTimeout(go, 1))
  go()
  return () => peer.destroy()
}

async function send(socket: Socket, byteCount: number): Promise<string> {
  const hash = createHash('sha256')
  for (let left = byteCount; left > 0; ) {
    const chunk = randomBytes(Math.min(left, randomInt(2) === 0 ? 1 + randomInt(2_000) : 1 + randomInt(100_000)))
    left -= chunk.length
    hash.update(chunk)
    if (!socket.write(chunk)) await once(socket, 'drain')
    else if (randomInt(4) === 0) await new Promise(setImmediate)
  }
  socket.end()
  return hash.digest('hex')
}

async function receive(socket: Socket, isSlow: boolean): Promise<string> {
  const hash = createHash('sha256')
  socket.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    if (isSlow) {
      socket.pause()
      setTimeout(() => socket.resume(), randomInt(5))
    }
  })
  await once(socket, 'end')
  return hash.digest('hex')
}

async function splice(client: Leg, upstream: Leg, index: number): Promise<void> {
  const over = new Promise(resolve => new Splice(client.ours, upstream.ours, LIMITS, resolve).start(Buffer.alloc(0), Buffer.alloc(0)))
  const bytes = 100_000 + randomInt(400_000)
  const [up, atUpstream, down, atClient] = await Promise.all([
    send(client.peer, bytes),
    receive(upstream.peer, index % 3 === 0),
    send(upstream.peer, bytes),
    receive(client.peer, index % 3 === 1),
  ])
  expect(atUpstream).toBe(up)
  expect(atClient).toBe(down)
  await over
}

const kinds = ['plain', 'tls'] as const

describe.each(['shared', 'own'] satisfies Reads[])('many sessions at once, quick and slow, memory %s', reads => {
  for (const client of kinds)
    for (const upstream of kinds)
      it(`${client} to ${upstream}, both ways, byte for byte`, async () => {
        const stop = await poisonSharedMemory()
        const legs = await Promise.all(
          Array.from(
            { length: reads === 'shared' ? 40 : 10 },
            async () => [await openClientLeg(client, reads), await openUpstreamLeg(upstream, reads)] as const,
          ),
        )
        await Promise.all(legs.map(([one, other], index) => splice(one, other, index)))
        stop()
        await vi.waitFor(() => expect(MEMORY_POOL.taken).toBeLessThanOrEqual(before), { timeout: 20_000, interval: 5 })
      }, 60_000)
})

describe('a receiver that does not read', () => {
  it.each(kinds.flatMap(client => kinds.map(upstream => [client, upstream] as const)))('holds a few pieces and no more, %s to %s', async (client, upstream) => {
    const [one, other] = [await openClientLeg(client), await openUpstreamLeg(upstream)]
    const over = new Promise(resolve => new Splice(one.ours, other.ours, LIMITS, resolve).start(Buffer.alloc(0), Buffer.alloc(0)))
    const block = Buffer.alloc(1_000_000, 'x')
    for (let i = 0; i < 30; i += 1) {
      one.peer.write(block)
      other.peer.write(block)
    }
    await vi.waitFor(() => expect([one.ours.isPaused(), other.ours.isPaused()]).toEqual([true, true]), { timeout: 20_000, interval: 5 })
    // What a direction holds: the piece of a write, and one with the records that a paused TLS socket still gave.
    for (const { ours } of [one, other]) expect(ours.writableLength).toBeLessThanOrEqual(PIECE_BYTES)
    expect(MEMORY_POOL.taken).toBeLessThanOrEqual(before + (client === 'tls' ? 2 : 1) + (upstream === 'tls' ? 2 : 1))
    one.peer.destroy()
    await over
    await vi.waitFor(() => expect(MEMORY_POOL.taken).toBeLessThanOrEqual(before), { timeout: 20_000, interval: 5 })
  })
})

it('the records of one turn of the loop leave in one write', async () => {
  const [one, other] = [await openClientLeg('tls'), await openUpstreamLeg('plain')]
  const written: number[] = []
  const write = other.ours.write.bind(other.ours) as (bytes: Buffer, done: () => void) => boolean
  other.ours.write = ((bytes: Buffer, done: () => void) => {
    written.push(bytes.length)
    return write(bytes, done)
  }) as typeof other.ours.write
  new Splice(one.ours, other.ours, LIMITS, () => {}).start(Buffer.alloc(0), Buffer.alloc(0))
  const received = receive(other.peer, false)
  const sent = send(one.peer, 3_000_000)
  expect(await received).toBe(await sent)
  one.ours.pause()
  expect(Math.max(...written)).toBeGreaterThan(16_384)
})
