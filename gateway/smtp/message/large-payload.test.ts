/** Messages of more than 64 KiB over real TLS, in the memory that all share, and without it. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { MailwicketError } from '../../../base/errors.ts'
import { Wire } from '../../../base/sockets/wire.ts'
import { openClientLeg, openUpstreamLeg, type Reads } from '../../wire/leg-fixture.ts'
import { MEMORY_POOL } from '../../wire/memory-pool.ts'
import { type Payload, relayPayload } from './smtp-payload.ts'

let before = 0
beforeEach(() => {
  // What tests of other files left on its way.
  before = MEMORY_POOL.taken
  const give = MEMORY_POOL.give.bind(MEMORY_POOL)
  vi.spyOn(MEMORY_POOL, 'give').mockImplementation(piece => give(piece.fill(0xdb)))
})
afterEach(async () => {
  await vi.waitFor(() => expect(MEMORY_POOL.taken).toBeLessThanOrEqual(before), { timeout: 10_000, interval: 2 })
  vi.restoreAllMocks()
})

async function openPayload(reads: Reads, upstreamTls: 'plain' | 'tls', stallMs = 60_000) {
  const [app, server] = [await openClientLeg('tls', reads), await openUpstreamLeg(upstreamTls, reads)]
  const client = new Wire(app.ours, 64 * 1024)
  const upstream = new Wire(server.ours, 64 * 1024)
  const refusals: unknown[] = []
  let isWanted = true
  let last: number | undefined
  const chunks: Buffer[] = []
  server.peer.on('data', (chunk: Buffer) => chunks.push(chunk))
  const payload: Payload = {
    client,
    upstream,
    header: undefined,
    stallMs,
    isWanted: () => isWanted,
    onRefused: why => {
      refusals.push(why)
      isWanted = false
      server.ours.destroy()
    },
    onLast: bytes => {
      last = bytes
    },
  }
  return {
    app: app.peer,
    client,
    server: server.peer,
    refusals,
    /** Gives the size of what went out to its end. */
    relay: async () => {
      last = undefined
      await relayPayload(payload)
      return last
    },
    heard: () => Buffer.concat(chunks),
    /** The upstream is gone. */
    drop: () => {
      isWanted = false
      server.ours.destroy()
    },
  }
}

/** In pieces of their own, each a TLS record or some. */
async function write(socket: { write(data: Buffer): boolean }, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise(setImmediate)
  }
}

const line = Buffer.from(`${'x'.repeat(76)}\r\n`)
const body = (bytes: number) => Buffer.alloc(bytes - (bytes % line.length), line)
const BEHIND = 'RSET\r\n'
const ways = (['shared', 'own'] satisfies Reads[]).flatMap(reads => (['plain', 'tls'] as const).map(tls => [reads, tls] as const))

describe.each(ways)('a large message, memory %s, upstream %s', (reads, tls) => {
  it('arrives byte for byte, one behind the other, and what follows stays', async () => {
    const { app, client, relay, heard } = await openPayload(reads, tls)
    const messages = [300_000, 70_000, 1_500_000, 65_536, 200_000].map(bytes =>
      Buffer.concat([body(bytes), Buffer.from(`${randomBytes(9).toString('hex')}\r\n.\r\n`)]),
    )
    const sent = Buffer.concat(messages.flatMap(message => [message, Buffer.from(BEHIND)]))
    void write(app, [sent.subarray(0, 100_000), sent.subarray(100_000, 1_000_001), sent.subarray(1_000_001)])
    for (const message of messages) {
      expect(await relay()).toBe(message.length)
      expect(`${await client.readLine(100)}\r\n`).toBe(BEHIND)
    }
    await vi.waitFor(() => expect(heard().length).toBe(Buffer.concat(messages).length), { timeout: 10_000, interval: 2 })
    expect(heard().equals(Buffer.concat(messages))).toBe(true)
  })

  it('has its end found wherever it is cut', async () => {
    const { app, client, relay, heard } = await openPayload(reads, tls)
    const end = `\r\n.\r\n${BEHIND}`
    for (let cut = 0; cut <= end.length; cut += 1) {
      const start = Buffer.concat([body(80_000), Buffer.from('end')])
      const [relayed] = await Promise.all([relay(), write(app, [start, Buffer.from(end.slice(0, cut)), Buffer.from(end.slice(cut))])])
      expect(relayed).toBe(start.length + 5)
      expect(`${await client.readLine(100)}\r\n`).toBe(BEHIND)
    }
    await vi.waitFor(() => expect(heard().toString().split('end\r\n.\r\n')).toHaveLength(end.length + 2), { timeout: 10_000, interval: 2 })
  })

  it('is refused at a bare-LF end of data, wherever that is cut, and nothing from its dot on goes out', async () => {
    const smuggled = '\n.\nMAIL FROM:<evil@example.com>\r\n'
    for (const cut of [0, 1, 2, 3, 10]) {
      const { app, client, relay, heard, refusals } = await openPayload(reads, tls)
      const start = Buffer.concat([body(150_000), Buffer.from('carrier')])
      const behind = Buffer.concat([Buffer.from(smuggled.slice(cut)), body(100_000), Buffer.from(`\r\n.\r\n${BEHIND}`)])
      await Promise.all([relay(), write(app, [start, Buffer.from(smuggled.slice(0, cut)), behind])])
      expect(refusals).toEqual(['bare-lf'])
      expect(`${await client.readLine(100)}\r\n`).toBe(BEHIND)
      expect(start.includes(heard().subarray(0, -1))).toBe(true)
      expect(heard().includes('.')).toBe(false)
    }
  })

  it('is read to its end when the upstream leaves in the middle', async () => {
    const { app, client, relay, drop, server } = await openPayload(reads, tls)
    const relayed = relay()
    await write(app, [body(200_000)])
    await once(server, 'data')
    drop()
    await write(app, [body(200_000), Buffer.from(`\r\n.\r\n${BEHIND}`)])
    await relayed
    expect(`${await client.readLine(100)}\r\n`).toBe(BEHIND)
  })

  it('ends with its sender', async () => {
    const { app, relay, server } = await openPayload(reads, tls)
    const relayed = relay()
    await write(app, [body(200_000)])
    await once(server, 'data')
    app.destroy()
    await expect(relayed).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
  })

  it('is given up when the upstream takes nothing for too long', async () => {
    const { app, relay, server, refusals, client } = await openPayload(reads, tls, 50)
    server.pause()
    app.write(Buffer.concat([body(8_000_000), Buffer.from(`\r\n.\r\n${BEHIND}`)]))
    await relay()
    expect(refusals).toEqual(['stalled'])
    expect(`${await client.readLine(100)}\r\n`).toBe(BEHIND)
  })
})

it('has the same end with the shared memory as without', async () => {
  const part = fc.constantFrom('text', '\r\n', '.', '\r\n.', '..', '\n', '\r', '\0', '\r\n..', '\n.x', 'long '.repeat(1_000))
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 30 }), fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 5 }), async (parts, sizes) => {
      const sent = Buffer.concat([body(100_000), Buffer.from(`${parts.join('')}\r\n.\r\n${BEHIND}`, 'latin1')])
      const ends = await Promise.all(
        (['shared', 'own'] satisfies Reads[]).map(async reads => {
          const { app, client, relay, refusals, heard } = await openPayload(reads, 'plain')
          const pieces = [sent.subarray(0, 90_000)]
          for (let at = 90_000, i = 0; at < sent.length; i += 1) {
            const size = sizes[i % sizes.length] as number
            pieces.push(sent.subarray(at, at + size))
            at += size
          }
          const [bytes] = await Promise.all([relay(), write(app, pieces)])
          // Where the message ended early, what follows may be a line of any length.
          const next = await client.readLine(1_000).then(String, (error: MailwicketError) => error.code)
          if (refusals.length === 0) await vi.waitFor(() => expect(heard().length).toBe(bytes), { timeout: 10_000, interval: 1 })
          const result = { bytes: refusals.length === 0 ? bytes : undefined, next, refusals, heard: refusals.length === 0 ? heard().toString('latin1') : '' }
          app.destroy()
          return result
        }),
      )
      expect(ends[0]).toEqual(ends[1])
    }),
    { numRuns: 15, examples: [[['.', '\r\n', 'long '.repeat(1_000)], [3_000]]] },
  )
})
