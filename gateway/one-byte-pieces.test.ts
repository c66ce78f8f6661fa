/**
 * Whoever sends one byte at a time must not make each byte cost what all before it cost: for every reader that holds input, twice the bytes are
 * twice the work. Work is counted in steps, so the machine does not matter. A reader that is not here is not known to be safe: add it.
 */
import type { Socket } from 'node:net'
import { type Duplex, duplexPair, PassThrough } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { countSteps } from '../base/steps-fixture.ts'

/** Reads `text`, which comes in pieces of one byte. */
type Reader = (text: string) => unknown

/** Modules are loaded here and not above: what is loaded before the fixture is not counted. */
const readers: Readonly<Record<string, () => Promise<Reader>>> = {
  'the end of data': async () => {
    const { EndOfData } = await import('./smtp/message/end-of-data.ts')
    return text => {
      const end = new EndOfData()
      for (const byte of bytesOf(text)) end.scan(byte)
    }
  },
  'the header that is held back': async () => {
    const { checkFromHeader } = await import('./smtp/message/from-header.ts')
    return text => {
      const check = checkFromHeader(() => true)
      for (const byte of bytesOf(text)) check.push(byte)
    }
  },
  'a message on its way': async () => {
    const { Wire } = await import('../base/sockets/wire.ts')
    const { relayPayload } = await import('./smtp/message/smtp-payload.ts')
    const { checkFromHeader } = await import('./smtp/message/from-header.ts')
    return async text => {
      const [upstream, sink] = duplexPair()
      sink.resume()
      const client = new Wire(dribble(`${text}\r\n.\r\n`), 64 * 1024)
      const header = checkFromHeader(() => true)
      await relayPayload({ client, upstream: new Wire(upstream, 1024), header, stallMs: 60_000, isWanted: () => true, onRefused: () => {}, onLast: () => {} })
    }
  },
  'lines and blocks of a wire': async () => {
    const { Wire } = await import('../base/sockets/wire.ts')
    return async text => {
      const wire = new Wire(dribble(`${text}\n${text}`), 64 * 1024)
      await wire.readLine(64 * 1024)
      await wire.readExactly(text.length)
    }
  },
  'an IMAP command': async () => {
    const { Wire } = await import('../base/sockets/wire.ts')
    const { readCommand } = await import('./imap/imap-command-reader.ts')
    const { ImapArguments } = await import('./imap/imap-arguments.ts')
    return async text => {
      const command = await readCommand(new Wire(dribble(`a LOGIN "${lineOf(text)}" {${text.length}+}\r\n${text}\r\n`), 64 * 1024), () => {})
      const read = new ImapArguments(command)
      read.tag()
      read.space()
      read.verb()
      read.space()
      read.astring()
      read.space()
      read.astring()
    }
  },
  'an IMAP command of many literals': async () => {
    const { Wire } = await import('../base/sockets/wire.ts')
    const { readCommand } = await import('./imap/imap-command-reader.ts')
    return text => readCommand(new Wire(dribble(`a X ${'{1+}\r\nx'.repeat(text.length / 8)}\r\n`), 64 * 1024), () => {})
  },
  'the look for an ID command': async () => {
    const { ImapIdPeek } = await import('./imap/imap-id-peek.ts')
    return text => {
      for (const start of ['', 'a ID (', 'a ID ("name" {4000}\r\n']) {
        const peek = new ImapIdPeek(() => {})
        for (const byte of bytesOf(`${start}${text}`)) peek.push(byte)
      }
    }
  },
  'the look for an ID command of many literals': async () => {
    const { ImapIdPeek } = await import('./imap/imap-id-peek.ts')
    return text => {
      const peek = new ImapIdPeek(() => {})
      for (const byte of bytesOf(`a ID (${'{1}\r\nx '.repeat(text.length / 8)}`)) peek.push(byte)
    }
  },
  'a reply of an upstream': async () => {
    const { Wire } = await import('../base/sockets/wire.ts')
    const { readReply } = await import('../upstream/smtp/smtp-reply.ts')
    return text => readReply(new Wire(dribble(`${'250-x\r\n'.repeat(text.length / 8)}250 ${lineOf(text).replaceAll('\0', 'a')}\r\n`), 64 * 1024))
  },
  'a PROXY header': async () => {
    const { readProxyHeader } = await import('./listen/proxy-protocol.ts')
    const { PROXY_SIGNATURE } = await import('../base/sockets/proxy-header.ts')
    return text => {
      const head = Buffer.of(0x21, 0x11, text.length >> 8, text.length & 255)
      return readProxyHeader(dribble(`${PROXY_SIGNATURE.toString('latin1')}${head.toString('latin1')}${text}`) as Socket, 60_000)
    }
  },
  'an SMTP command before login': async () => {
    const { serveBySmtpServer } = await import('./smtp/smtp-detach.ts')
    const { SmtpServerAdapter } = await import('./smtp/smtp-server-adapter.ts')
    const adapter = new SmtpServerAdapter({ hostname: 'mail.example.com', upstreams: [], known: new Map(), onLearnt: () => {} })
    return text =>
      new Promise<void>((resolve, reject) => {
        const socket = Object.assign(dribble(`NOOP\r\nX${lineOf(text)}\r\n`), { setTimeout: () => {} })
        serveBySmtpServer(adapter.server, socket, {
          greeting: 'silent',
          onTooLong: reject,
          onBug: reject,
          filter: (line, done) => {
            done()
            if (line.toString('latin1', 0, 1) === 'X') resolve()
            return 'taken'
          },
        })
      })
  },
  'a file of an import': async () => {
    const { openSource } = await import('../admin-cli/import/import-source.ts')
    return async text => {
      const stdin = dribble(`mailbox\n${lineOf(text)}\n"${lineOf(text)}"\n`)
      for await (const _ of openSource({ stdin } as never, '-', undefined).rows());
    }
  },
}

const LEAST = 1_000

describe.each(Object.keys(readers))('%s, one byte at a time', name => {
  it.each([
    ['text', 'a'],
    ['NULs behind what may be the end of a message', '\0'],
    ['blanks', ' '],
  ])('twice the bytes cost twice the work: %s', async (_, byte) => {
    const read = await (readers[name] as () => Promise<Reader>)()
    const work = (bytes: number) => countSteps(() => read(`${byte === '\0' ? '\r\n.' : 'a'}${byte.repeat(bytes)}`))
    // Once for what is made at the first time.
    await work(LEAST)
    // What else this process does meanwhile only adds.
    const leastOf = async (bytes: number) => Math.min(await work(bytes), await work(bytes), await work(bytes))
    const once = await leastOf(LEAST)
    const twice = await leastOf(2 * LEAST)
    // Memory that doubles is copied once more now and then.
    expect(twice / once).toBeLessThan(2.6)
  })
})

function lineOf(text: string): string {
  return text.replace(/[\r\n]/g, ' ')
}

function bytesOf(text: string): Buffer[] {
  return Array.from(text, byte => Buffer.from(byte, 'latin1'))
}

/** A stream that gives one byte at a time. */
function dribble(text: string): Duplex {
  const stream = new PassThrough({ readableHighWaterMark: 1 })
  void (async () => {
    for (const [at, byte] of bytesOf(text).entries()) {
      stream.write(byte)
      if (at % 64 === 0) await nextTurn()
    }
    stream.end()
  })()
  return stream
}
