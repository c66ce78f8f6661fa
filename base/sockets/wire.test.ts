import { duplexPair } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import { openUpstreamLeg } from '../../gateway/wire/leg-fixture.ts'
import { Wire } from './wire.ts'

function openPair(maxBufferedBytes = 1000) {
  const [ours, theirs] = duplexPair()
  return { wire: new Wire(ours, maxBufferedBytes), ours, peer: theirs }
}

describe('Wire', () => {
  it('reads lines and blocks, whatever the cuts', async () => {
    const sent = Buffer.from('first\r\nsecond\n5bytesthird\r\n')
    for (let cut = 0; cut <= sent.length; cut += 1) {
      const { wire, peer } = openPair()
      peer.write(sent.subarray(0, cut))
      peer.write(sent.subarray(cut))
      expect((await wire.readLine(100)).toString()).toBe('first')
      expect((await wire.readLine(100)).toString()).toBe('second')
      expect((await wire.readExactly(6)).toString()).toBe('5bytes')
      expect((await wire.readLine(100)).toString()).toBe('third')
      expect(wire.hasUnread).toBe(false)
    }
  })

  it('reads one-byte writes', async () => {
    const { wire, peer } = openPair()
    const line = wire.readLine(300)
    for (const octet of Buffer.from(`${'x'.repeat(299)}\r\n`)) peer.write(Buffer.of(octet))
    expect((await line).length).toBe(299)
  })

  it('keeps a line that was handed out unchanged while more arrives', async () => {
    const { wire, peer } = openPair()
    peer.write('aaaa\r\nbb')
    const first = await wire.readLine(100)
    for (let i = 0; i < 50; i += 1) peer.write('cccccccc')
    peer.write('\r\n')
    await wire.readLine(1000)
    expect(first.toString()).toBe('aaaa')
  })

  it('takes a line of exactly the limit and refuses one octet more', async () => {
    const { wire, peer } = openPair()
    peer.write(`${'a'.repeat(10)}\r\n${'b'.repeat(11)}\r\n`)
    expect((await wire.readLine(10)).length).toBe(10)
    await expect(wire.readLine(10)).rejects.toMatchObject({ code: 'WIRE_LIMIT' })
  })

  it('refuses an endless line before its end arrives', async () => {
    const { wire, peer } = openPair()
    peer.write('a'.repeat(13))
    await expect(wire.readLine(10)).rejects.toMatchObject({ code: 'WIRE_LIMIT' })
  })

  it('stops reading the socket when nobody reads the wire', async () => {
    const { wire, ours, peer } = openPair(100)
    peer.write('x'.repeat(200))
    await new Promise(setImmediate)
    expect(ours.isPaused()).toBe(true)
    expect((await wire.readExactly(200)).length).toBe(200)
    const next = wire.readLine(100)
    expect(ours.isPaused()).toBe(false)
    peer.write('more\n')
    expect((await next).toString()).toBe('more')
  })

  it('gives what came before the end, then says that the peer has closed', async () => {
    const { wire, peer } = openPair()
    peer.end('last\r\nhalf a li')
    expect((await wire.readLine(100)).toString()).toBe('last')
    await expect(wire.readLine(100)).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
  })

  it('tells that the peer is gone while nobody reads', async () => {
    const { wire, peer } = openPair()
    const gone = new Promise(resolve => {
      wire.onGone = resolve
    })
    peer.end()
    await expect(gone).resolves.toMatchObject({ code: 'WIRE_CLOSED' })
  })

  it('abort rejects the pending read and every later one', async () => {
    const { wire, peer } = openPair()
    const pending = wire.readLine(100)
    wire.abort(new Error('enough'))
    await expect(pending).rejects.toThrow('enough')
    peer.write('late\r\n')
    await expect(wire.readLine(100)).rejects.toThrow('enough')
  })

  it('waits for a peer that does not read, and stops waiting when it is gone', async () => {
    const { wire, peer } = openPair()
    await wire.drained()
    wire.write('x'.repeat(100_000))
    const taken = wire.drained()
    peer.resume()
    await taken
    peer.pause()
    wire.write('x'.repeat(1_000_000))
    const gone = wire.drained()
    wire.abort(new Error('gone'))
    await expect(gone).rejects.toThrow('gone')
  })

  it('releases the socket paused, with the unread bytes and no listener of its own', async () => {
    const { wire, ours, peer } = openPair()
    const before = ours.eventNames().length
    peer.write('a line\r\nthe rest')
    await wire.readLine(100)
    const { socket, unread } = wire.release()
    expect(unread.toString()).toBe('the rest')
    expect(socket.isPaused()).toBe(true)
    for (const event of ['data', 'end', 'close', 'error']) expect(socket.listenerCount(event)).toBeLessThanOrEqual(event === 'end' ? before : 0)
    peer.write(' arrives later')
    const next = new Promise(resolve => socket.once('data', chunk => resolve(chunk.toString())))
    socket.resume()
    expect(await next).toBe(' arrives later')
  })
})

describe('divert', () => {
  const open = async () => {
    const { ours, peer } = await openUpstreamLeg('plain')
    return { wire: new Wire(ours, 1000), peer }
  }

  it('gives what arrives to the taker, and what that does not want to the next read', async () => {
    const { wire, peer } = await open()
    const taken: string[] = []
    const diverted = wire.divert(chunk => {
      taken.push(chunk.toString())
      return chunk.includes('.') ? chunk.subarray(chunk.indexOf('.') + 1) : undefined
    })
    peer.write('one')
    await vi.waitFor(() => expect(taken).toEqual(['one']), { timeout: 10_000, interval: 2 })
    peer.write('two.a line\r\n')
    await diverted
    expect((await wire.readLine(100)).toString()).toBe('a line')
    peer.write('another\r\n')
    expect((await wire.readLine(100)).toString()).toBe('another')
    expect(wire.bytesReceived).toBe(3 + 12 + 9)
  })

  it('does nothing where something waits to be read, or where the socket has memory of its own', async () => {
    const { wire, peer } = await open()
    peer.write('line\r\nmore\r\n')
    await wire.readLine(100)
    expect(wire.divert(() => undefined)).toBeUndefined()
    expect((await wire.readLine(100)).toString()).toBe('more')
    expect(new Wire(duplexPair()[0], 1000).divert(() => undefined)).toBeUndefined()
  })

  it('rejects with what the taker throws, with the end of the peer, and when it is aborted; it is a read', async () => {
    const thrown = await open()
    const failed = thrown.wire.divert(() => {
      throw new Error('no')
    })
    expect(() => thrown.wire.readSome()).toThrow('two reads at a time')
    thrown.peer.write('x')
    await expect(failed).rejects.toThrow('no')

    const ended = await open()
    const left = ended.wire.divert(() => undefined)
    ended.peer.end()
    await expect(left).rejects.toMatchObject({ code: 'WIRE_CLOSED' })

    const aborted = await open()
    const over = aborted.wire.divert(() => undefined)
    aborted.wire.abort(new Error('revoked'))
    await expect(over).rejects.toThrow('revoked')
  })
})
