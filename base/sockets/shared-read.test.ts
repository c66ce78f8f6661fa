/**
 * What shared-read.ts and the transfers rely on in Node, most of it in no documentation. Where a Node has it otherwise, this says what.
 */
import { once } from 'node:events'
import { Socket } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { openClientLeg, openUpstreamLeg } from '../../gateway/wire/leg-fixture.ts'
import { divert, shareReads } from './shared-read.ts'

const RECORD = 16 * 1024

type Internals = Record<symbol, unknown> & { readonly _handle: { useUserBuffer: unknown } }

/** The value that Node keeps under the own symbol of this name. */
function internalOf(socket: Socket, name: string): unknown {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === name)
  if (symbol === undefined) throw new Error(`no ${name}`)
  return (socket as unknown as Internals)[symbol]
}

const legs = {
  'a mail app with TLS': (reads: 'shared' | 'own') => openClientLeg('tls', reads),
  'an upstream with TLS': (reads: 'shared' | 'own') => openUpstreamLeg('tls', reads),
}

describe.each(Object.entries(legs))('the socket of %s', (_, openLeg) => {
  it('has what Node needs for `onread`, unused', async () => {
    const { ours } = await openLeg('own')
    for (const name of ['kBuffer', 'kBufferCb', 'kBufferGen']) expect(internalOf(ours, name)).toBe(null)
    expect(typeof (ours as unknown as Internals)._handle.useUserBuffer).toBe('function')
    expect(divert(ours, () => {})).toBe(false)
  })

  it('reads like any other until it is diverted, and afterwards', async () => {
    const { ours, peer } = await openLeg('shared')
    const chunks: Buffer[] = []
    ours.on('data', (chunk: Buffer) => chunks.push(chunk))
    peer.write('before')
    await once(ours, 'data')
    const shared: string[] = []
    let memory: ArrayBufferLike | undefined
    expect(
      divert(ours, chunk => {
        shared.push(chunk.toString())
        memory = chunk.buffer
      }),
    ).toBe(true)
    peer.write('while')
    await vi.waitFor(() => expect(shared).toEqual(['while']), { timeout: 10_000, interval: 2 })
    divert(ours, undefined)
    peer.write('after')
    await once(ours, 'data')
    expect(chunks.map(String)).toEqual(['before', 'after'])
    for (const chunk of chunks) expect(chunk.buffer).not.toBe(memory)
  })

  it('shares its memory with the next one', async () => {
    const [one, other] = [await openLeg('shared'), await openUpstreamLeg('plain')]
    const memories: ArrayBufferLike[] = []
    for (const { ours, peer } of [one, other]) {
      divert(ours, chunk => memories.push(chunk.buffer))
      ours.resume()
      peer.write('x')
    }
    await vi.waitFor(() => expect(memories).toHaveLength(2), { timeout: 10_000, interval: 2 })
    expect(memories[0]).toBe(memories[1])
  })

  it('gives the records that it has also after pause(), and no others before resume()', async () => {
    const { ours, peer } = await openLeg('shared')
    let turn = 0
    const turns: number[] = []
    divert(ours, () => {
      turns.push(turn)
      ours.pause()
    })
    ours.pause()
    peer.write(Buffer.alloc(64 * RECORD))
    for (; turn < 20; turn += 1) await new Promise(setImmediate)
    expect(turns).toEqual([])
    const isMore: boolean[] = []
    while (turns.length < 40) {
      const before = turns.length
      ours.resume()
      await vi.waitFor(() => expect(turns.length).toBeGreaterThan(before), { timeout: 10_000, interval: 1 })
      const count = turns.length - before
      for (let i = 0; i < 5; i += 1, turn += 1) await new Promise(setImmediate)
      // All in one go; 64 KiB are read at a time, and a record may have been begun.
      expect(turns.length - before).toBe(count)
      expect(count).toBeLessThanOrEqual(5)
      isMore.push(count > 1)
    }
    expect(isMore).toContain(true)
  })

  it('tells its end while it is diverted', async () => {
    const { ours, peer } = await openLeg('shared')
    divert(ours, () => {})
    ours.resume()
    peer.end('bye')
    await once(ours, 'end')
  })

  it('calls back for every write exactly once, also when it is destroyed over it', async () => {
    const { ours } = await openLeg('shared')
    const calls = [0, 0, 0]
    for (const [index] of calls.entries())
      ours.write(Buffer.alloc(8_000_000), () => {
        calls[index] = (calls[index] ?? 0) + 1
      })
    await new Promise(setImmediate)
    ours.destroy()
    await once(ours, 'close')
    await vi.waitFor(() => expect(calls).toEqual([1, 1, 1]), { timeout: 10_000, interval: 2 })
  })

  it('idle, has encrypted what it was given when write() returns, however slow its peer', async () => {
    const { ours, peer } = await openLeg('shared')
    const pieces = 40
    for (let i = 0; i < pieces; i += 1) {
      const memory = Buffer.alloc(128 * 1024, i)
      const isIdle = ours.writableLength === 0
      ours.write(isIdle ? memory : Buffer.from(memory))
      memory.fill(0xff)
      if (i % 3 === 0) peer.resume()
      else peer.pause()
      await new Promise(setImmediate)
    }
    ours.end()
    const chunks: Buffer[] = []
    peer.on('data', (chunk: Buffer) => chunks.push(chunk)).resume()
    await once(peer, 'end')
    const received = Buffer.concat(chunks)
    expect(received.includes(0xff)).toBe(false)
  })
})

it('a plain socket calls back for every write exactly once, also when it is destroyed over it', async () => {
  const { ours } = await openUpstreamLeg('plain')
  const calls = [0, 0]
  for (const [index] of calls.entries())
    ours.write(Buffer.alloc(20_000_000), () => {
      calls[index] = (calls[index] ?? 0) + 1
    })
  await new Promise(setImmediate)
  expect(calls).toEqual([0, 0])
  ours.destroy()
  await vi.waitFor(() => expect(calls).toEqual([1, 1]), { timeout: 10_000, interval: 2 })
})

it('below the high-water mark no drain is told', async () => {
  const { ours, peer } = await openUpstreamLeg('tls')
  const onDrain = vi.fn()
  ours.on('drain', onDrain)
  peer.resume()
  await new Promise<void>(resolve => ours.write(Buffer.alloc(RECORD), () => resolve()))
  expect(ours.writableLength).toBe(0)
  expect(onDrain).not.toHaveBeenCalled()
})

it('leaves a socket alone where Node has it otherwise', async () => {
  const { ours, peer } = await openClientLeg('tls', 'own')
  const handle = (ours as unknown as Internals)._handle
  handle.useUserBuffer = undefined
  expect(shareReads(ours)).toBe(false)
  expect(internalOf(ours, 'kBuffer')).toBe(null)
  peer.write('by data')
  expect(String((await once(ours, 'data'))[0])).toBe('by data')
  expect(shareReads(new Socket())).toBe(false)
})
