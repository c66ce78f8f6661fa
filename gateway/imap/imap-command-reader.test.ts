import { duplexPair } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Wire } from '../../base/sockets/wire.ts'
import { readCommand } from './imap-command-reader.ts'

function openReader() {
  const [ours, peer] = duplexPair()
  const wire = new Wire(ours, 64 * 1024)
  let goOns = 0
  return { peer, read: () => readCommand(wire, () => (goOns += 1)), goOns: () => goOns }
}

const shown = ({ lines, literals }: Awaited<ReturnType<typeof readCommand>>) => ({ lines: lines.map(String), literals: literals.map(String) })

describe('readCommand', () => {
  it('frames lines and both kinds of literals, cut at every byte', async () => {
    const sent = Buffer.from('a LOGIN {3+}\r\na\r\n {0}\r\n {2-}\r\nxy end\r\nb NOOP\r\n')
    for (let cut = 0; cut <= sent.length; cut += 1) {
      const { peer, read, goOns } = openReader()
      peer.write(sent.subarray(0, cut))
      setImmediate(() => peer.write(sent.subarray(cut)))
      expect(shown(await read())).toEqual({ lines: ['a LOGIN ', ' ', ' ', ' end'], literals: ['a\r\n', '', 'xy'] })
      expect(shown(await read())).toEqual({ lines: ['b NOOP'], literals: [] })
      expect(goOns()).toBe(1)
    }
  })

  it.each(['{4294967295}', '{4294967295+}', '{99999999999999999999+}', '{65537}', '{65536+}'])('refuses %s before a single octet of it', async size => {
    const { peer, read, goOns } = openReader()
    peer.write(`a APPEND INBOX ${size}\r\n`)
    await expect(read()).rejects.toMatchObject({ code: 'WIRE_LIMIT' })
    expect(goOns()).toBe(0)
  })

  it('refuses a command that grows over the limit by many small literals', async () => {
    const { peer, read } = openReader()
    peer.write(`a X ${'{1+}\r\nx '.repeat(20_000)}`)
    await expect(read()).rejects.toMatchObject({ code: 'WIRE_LIMIT' })
  })

  it('refuses 64 KiB and one octet without an end of line', async () => {
    const { peer, read } = openReader()
    peer.write('x'.repeat(64 * 1024 + 3))
    await expect(read()).rejects.toMatchObject({ code: 'WIRE_LIMIT' })
  })

  it('reads on or refuses cleanly, whatever bytes come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 7 }), async (bytes, step) => {
        const { peer, read } = openReader()
        for (let at = 0; at < bytes.length; at += step) peer.write(bytes.subarray(at, at + step))
        peer.end()
        for (;;) {
          try {
            await read()
          } catch (error) {
            expect(error).toMatchObject({ code: expect.stringMatching(/^WIRE_/) })
            return
          }
        }
      }),
      { interruptAfterTimeLimit: 1000, numRuns: 2000 },
    )
  })
})
