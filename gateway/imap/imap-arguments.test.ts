import { describe, expect, it } from 'vitest'
import { ImapArguments } from './imap-arguments.ts'

/** Two astrings after tag and verb; `\u0001` stands for a literal. */
function parse(text: string, ...literals: string[]): string[] {
  const words = new ImapArguments({ lines: text.split('\u0001').map(line => Buffer.from(line)), literals: literals.map(literal => Buffer.from(literal)) })
  const tag = words.tag()
  if (tag === undefined) throw new Error('no tag')
  words.space()
  const found = [tag, words.verb()]
  while (!words.isAtEnd()) {
    words.space()
    found.push(words.astring().toString())
  }
  return found
}

describe('ImapArguments', () => {
  it.each([
    ['a1 LOGIN ann@example.com secret', ['a1', 'LOGIN', 'ann@example.com', 'secret']],
    ['a1 login "ann" "with \\"quotes\\" and \\\\"', ['a1', 'LOGIN', 'ann', 'with "quotes" and \\']],
    ['A.1 LOGIN "" ""', ['A.1', 'LOGIN', '', '']],
    // What a generic parser takes for a sequence set, a flag or a partial is an atom all the same.
    ['a LOGIN 12:secret ~tilde', ['a', 'LOGIN', '12:secret', '~tilde']],
    ['a LOGIN pass]word [x<y', ['a', 'LOGIN', 'pass]word', '[x<y']],
    ['a LOGIN NIL 1,2', ['a', 'LOGIN', 'NIL', '1,2']],
    // Servers take them, and clients that do not quote send them.
    ['a LOGIN ann pa*ss%word\\x', ['a', 'LOGIN', 'ann', 'pa*ss%word\\x']],
    ['a LOGIN ann "back\\slash"', ['a', 'LOGIN', 'ann', 'back\\slash']],
    ['a  LOGIN   ann    x  ', ['a', 'LOGIN', 'ann', 'x']],
    ['a LOGIN ann "x  "  ', ['a', 'LOGIN', 'ann', 'x  ']],
    ['a LOGIN "pässwörd" "üñ"', ['a', 'LOGIN', 'pässwörd', 'üñ']],
  ])('reads %j', (text, expected) => {
    expect(parse(text)).toEqual(expected)
  })

  it('reads literals anywhere, also empty and with a CRLF inside', () => {
    expect(parse('a LOGIN \u0001 \u0001', 'ann', 'se\r\ncret')).toEqual(['a', 'LOGIN', 'ann', 'se\r\ncret'])
    expect(parse('a LOGIN "ann" \u0001', '')).toEqual(['a', 'LOGIN', 'ann', ''])
    expect(parse('a LOGIN \u0001  \u0001 ', 'ann', 'x ')).toEqual(['a', 'LOGIN', 'ann', 'x '])
  })

  it.each([
    'a LOGIN ann',
    'a LOGIN ann pass word"',
    'a LOGIN ann "open',
    'a LOGIN ann "half \\',
    'a LOGIN ann (x)',
    'a LOGIN ann x\u0000y',
    'a 12',
    'a LO\u0000GIN x y',
    'a ',
    'a',
    '',
    ' a NOOP',
    '+ NOOP',
    'a( NOOP',
  ])('does not take %j for a name and a password', text => {
    let found: string[] = []
    try {
      found = parse(text)
    } catch {
      return
    }
    expect(found.length).not.toBe(4)
  })
})
