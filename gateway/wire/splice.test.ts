import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { LIMITS } from '../limits.ts'
import { openTcpPair } from '../listen/tcp-pair-fixture.ts'
import { Splice } from './splice.ts'

afterEach(() => {
  vi.useRealTimers()
})

async function openSplice(clientUnread = '', upstreamUnread = '') {
  const [app, client] = await openTcpPair()
  const [upstream, server] = await openTcpPair()
  let splice: Splice | undefined
  const ended = new Promise<string>(resolve => {
    splice = new Splice(client, upstream, LIMITS, resolve)
  })
  splice?.start(Buffer.from(clientUnread), Buffer.from(upstreamUnread))
  return { app, client, upstream, server, splice: splice as unknown as Splice, ended }
}

async function collect(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'end')
  return Buffer.concat(chunks)
}

describe('Splice', () => {
  it('moves every byte both ways, first what was read before the hand-over', async () => {
    const { app, server, splice, ended } = await openSplice('from the app,', 'from the server,')
    const up = randomBytes(3_000_000)
    const down = randomBytes(5_000_000)
    const atServer = collect(server)
    const atApp = collect(app)
    app.end(up)
    server.end(down)
    expect((await atServer).equals(Buffer.concat([Buffer.from('from the app,'), up]))).toBe(true)
    expect((await atApp).equals(Buffer.concat([Buffer.from('from the server,'), down]))).toBe(true)
    await ended
    expect(splice.bytesIn).toBe(up.length + 13)
    expect(splice.bytesOut).toBe(down.length + 16)
  })

  it('holds back a sender whose receiver does not read', async () => {
    const { app, client, server, upstream, ended } = await openSplice()
    const block = Buffer.alloc(1_000_000)
    for (let i = 0; i < 100; i += 1) server.write(block)
    await vi.waitFor(() => expect(upstream.isPaused()).toBe(true), { timeout: 5000, interval: 5 })
    // What waits in our process stays small, however much the upstream would send.
    expect(client.writableLength).toBeLessThan(1_000_000)
    server.end()
    expect((await collect(app)).length).toBe(100_000_000)
    app.destroy()
    await ended
  })

  it('passes one end on and lets the other side finish', async () => {
    const { app, server, ended } = await openSplice()
    app.end('LOGOUT')
    expect((await collect(server)).toString()).toBe('LOGOUT')
    server.end('BYE')
    expect((await collect(app)).toString()).toBe('BYE')
    expect(await ended).toBe('client-closed')
  })

  it('destroys both when the other side does not finish in time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { app, server, ended, client, upstream } = await openSplice()
    server.resume()
    app.end()
    await once(server, 'end')
    vi.advanceTimersByTime(LIMITS.halfOpenMs)
    expect(await ended).toBe('client-closed')
    expect(client.destroyed && upstream.destroyed).toBe(true)
  })

  it('closes the other side when one is reset', async () => {
    const { app, server, ended } = await openSplice()
    server.resume()
    const closed = once(server, 'close')
    app.resetAndDestroy()
    server.on('end', () => server.end())
    await closed
    expect(await ended).toMatch(/^client-/)
  })

  it('gives the client a last reply and drops the upstream', async () => {
    const { app, server, splice, ended } = await openSplice()
    const atApp = collect(app)
    server.write('* OK\r\n')
    await once(app, 'readable')
    splice.end('revoked', '* BYE over\r\n')
    expect((await atApp).toString()).toBe('* OK\r\n* BYE over\r\n')
    app.end()
    expect(await ended).toBe('revoked')
  })

  it('ends at once also when the client had closed its side already', async () => {
    const { app, server, splice, ended } = await openSplice()
    app.end()
    server.resume()
    await once(server, 'end')
    splice.end('revoked', '* BYE over\r\n')
    expect((await collect(app)).toString()).toBe('* BYE over\r\n')
    expect(await ended).toBe('revoked')
  })

  it('gives up an upload of which the upstream takes nothing', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { app, client, ended } = await openSplice()
    const block = Buffer.alloc(1_000_000)
    for (let i = 0; i < 30; i += 1) app.write(block)
    while (!client.isPaused()) await new Promise(setImmediate)
    vi.advanceTimersByTime(LIMITS.uploadStallMs)
    expect(await ended).toBe('stalled')
  })

  it('knows whether the client stands at the end of a line', async () => {
    const { app, server, splice } = await openSplice()
    app.resume()
    expect(splice.isAtLineEnd).toBe(true)
    server.write('* 1 FETCH {100}\r\nhalf of it')
    await once(app, 'data')
    expect(splice.isAtLineEnd).toBe(false)
  })

  it('ends when a side was already gone at the hand-over', async () => {
    const [app, client] = await openTcpPair()
    const [upstream, server] = await openTcpPair()
    client.destroy()
    await once(client, 'close')
    const ended = new Promise(resolve => {
      new Splice(client, upstream, LIMITS, resolve).start(Buffer.alloc(0), Buffer.alloc(0))
    })
    expect(await ended).toBe('client-closed')
    server.destroy()
    app.destroy()
  })

  it('is at rest when the upstream had the last word and all of it has arrived', async () => {
    const { app, server, splice, ended } = await openSplice()
    expect(splice.isAtRest).toBe(true)
    app.write('a SEARCH ALL\r\n')
    await once(server, 'data')
    // The upstream is at work: no byte moves, and yet an answer is owed.
    expect(splice.isAtRest).toBe(false)
    server.write('a OK\r\n')
    await once(app, 'data')
    expect(splice.isAtRest).toBe(true)
    // An upload that has stopped in the middle, right behind a line's end.
    app.write('line of a message\r\n')
    await once(server, 'data')
    expect(splice.isAtLineEnd).toBe(true)
    expect(splice.isAtRest).toBe(false)
    app.destroy()
    server.destroy()
    await ended
  })

  it('is not at rest while an app does not read what there is for it', async () => {
    const { app, client, server, splice, ended } = await openSplice()
    app.pause()
    server.write(Buffer.alloc(30_000_000, '\n'))
    await vi.waitFor(() => expect(client.writableLength).toBeGreaterThan(0), { timeout: 5000, interval: 5 })
    expect(splice.isAtRest).toBe(false)
    app.destroy()
    await ended
  })
})
