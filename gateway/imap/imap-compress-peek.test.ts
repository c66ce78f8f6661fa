import { describe, expect, it } from 'vitest'
import { ImapCompressPeek } from './imap-compress-peek.ts'

function look(...chunks: string[]): boolean {
  const peek = new ImapCompressPeek()
  for (const chunk of chunks) peek.push(Buffer.from(chunk, 'latin1'))
  return peek.isAsked
}

const SESSION = 'a1 SELECT INBOX\r\na2 compress deflate\r\n'

describe('COMPRESS in what a client sends', () => {
  it('is seen, in whatever case and behind other commands', () => {
    expect(look(SESSION)).toBe(true)
    expect(look('x COMPRESS DEFLATE\r\n')).toBe(true)
    expect(look('x Compress  Deflate \n')).toBe(true)
  })

  it('is seen in pieces, cut anywhere, and octet by octet', () => {
    for (let at = 1; at < SESSION.length; at += 1) expect(look(SESSION.slice(0, at), SESSION.slice(at))).toBe(true)
    expect(look(...SESSION)).toBe(true)
  })

  it('stays seen', () => {
    expect(look(SESSION, '\x01\x02\n', 'x'.repeat(100))).toBe(true)
  })

  it('is not seen in other commands, or where more follows at once', () => {
    for (const text of ['a1 NOOP\r\n', 'a1 CAPABILITY\r\n', 'a1 COMPRESS\r\n', 'a1 COMPRESS DEFLATE', 'a1 XCOMPRESS DEFLATE\r\n', 'a1 COMPRESS GZIP\r\n'])
      expect(look(text)).toBe(false)
    expect(look('a1 APPEND x {30}\r\n', 'so I said: COMPRESS DEFLATE\r\nand then', '\r\n')).toBe(false)
  })
})
