import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EndOfData } from './end-of-data.ts'

/** Feeds the pieces until the message ends. */
function scan(...pieces: readonly (string | Buffer)[]): { verdict: string; passed: string; rest: string } {
  const end = new EndOfData()
  const passed: Buffer[] = []
  for (const [i, piece] of pieces.entries()) {
    const { verdict, pass, rest } = end.scan(Buffer.from(piece as string, 'latin1'))
    passed.push(Buffer.from(pass))
    if (verdict !== 'more')
      return { verdict, passed: Buffer.concat(passed).toString('latin1'), rest: [rest.toString('latin1'), ...pieces.slice(i + 1).map(String)].join('') }
  }
  return { verdict: 'more', passed: Buffer.concat(passed).toString('latin1'), rest: '' }
}

const cuts = (text: string) => Array.from({ length: text.length + 1 }, (_, cut) => [text.slice(0, cut), text.slice(cut)])

describe('the end of data', () => {
  it.each([
    ['.\r\n', '.\r\n'],
    ['Subject: x\r\n\r\nhello\r\n.\r\n', 'Subject: x\r\n\r\nhello\r\n.\r\n'],
    ['a\r\n..\r\n...\r\n.b\r\n.\r\n', 'a\r\n..\r\n...\r\n.b\r\n.\r\n'],
    ['bare\nlines\rhere\r\n.\r\n', 'bare\nlines\rhere\r\n.\r\n'],
    ['\0.\0 a\0.\0b U\0T\0F\0-\x001\x006\0.\0\r\n.\r\n', '\0.\0 a\0.\0b U\0T\0F\0-\x001\x006\0.\0\r\n.\r\n'],
  ])('is found in %j at every cut, and what follows stays', (text, message) => {
    for (const pieces of cuts(`${text}RSET\r\n`)) expect(scan(...pieces)).toEqual({ verdict: 'end', passed: message, rest: 'RSET\r\n' })
    expect(scan(...`${text}RSET\r\n`)).toEqual({ verdict: 'end', passed: message, rest: 'RSET\r\n' })
  })

  const newlines = { LF: '\n', CR: '\r', CRLF: '\r\n', 'NUL LF': '\0\n', 'CR NUL LF': '\r\0\n', 'LF NUL': '\n\0', 'CRLF NUL': '\r\n\0', 'NUL CRLF': '\0\r\n' }
  const bareLfEnds = Object.entries(newlines).flatMap(([before, a]) => Object.entries(newlines).map(([after, b]) => [`${before} . ${after}`, a, b] as const))
  it.each(bareLfEnds.filter(([, before, after]) => !(/[^\0]*\r\n$/.test(before) && before.endsWith('\r\n') && after.startsWith('\r\n'))))(
    'refuses %s at every cut, before its dot',
    (_, before, after) => {
      const text = `hello${before}.${after}MAIL FROM:<evil@example.com>\r\n`
      for (const pieces of cuts(text)) {
        const { verdict, passed } = scan(...pieces)
        expect(verdict).toBe('bare-lf')
        expect(`hello${before}`.startsWith(passed)).toBe(true)
        expect(passed).not.toContain('.')
      }
    },
  )

  it('can go on to the true end of a refused message', () => {
    for (const text of ['a\n.\nMAIL FROM:<x>\r\n.\r\nQUIT', 'a\n.\r\nb\r\n.\r\nQUIT', 'a\r\n.\nb\r\n.\r\nQUIT', 'a\r\n\0.\r\n.\r\nQUIT']) {
      for (const [before = '', after = ''] of cuts(text)) {
        const end = new EndOfData()
        let rest = ''
        for (const piece of [before, after]) {
          let scanned = end.scan(Buffer.from(piece, 'latin1'))
          if (scanned.verdict === 'bare-lf') {
            end.tolerateBareLfEnds()
            scanned = end.scan(scanned.rest)
          }
          if (scanned.verdict === 'end') rest = scanned.rest.toString() + (piece === before ? after : '')
        }
        expect(rest).toBe('QUIT')
      }
    }
  })

  it('refuses what hides an end behind more NULs than anybody needs', () => {
    expect(scan('x\r\n.', '\0'.repeat(70_000), '\r\n').verdict).toBe('bare-lf')
  })

  it.each(['\r\n.\r\n', '\n.\r\n', '\r\n.\n', '\r\n\0.\r\n', '\r.\r\n'])('is judged the same behind many dots that stand in lines: %j', end => {
    for (const dots of [1, 2, 3, 4, 500]) {
      for (const text of [`a${'.'.repeat(dots)}`, 'x. '.repeat(dots), `${'x. '.repeat(dots)}\r\n..`, `\r\n..${'x. '.repeat(dots)}`]) {
        const few = scan(`a${end}RSET`)
        const many = scan(`${text}${end}RSET`)
        expect({ ...many, passed: many.passed.slice(text.length) }).toEqual({ ...few, passed: few.passed.slice(1) })
      }
    }
  })

  it('agrees with a plain search on every text without bare newlines, whatever the cuts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '.', '\r\n', '..', 'bc', '\r\n.', '.'.repeat(40), 'a. '.repeat(40))),
        fc.array(fc.nat({ max: 200 }), { minLength: 1 }),
        (parts, steps) => {
          const text = `${parts.join('')}\r\n.\r\n`
          const at = `\r\n${text}`.indexOf('\r\n.\r\n') + 3
          const pieces: string[] = []
          for (let i = 0, s = 0; i < text.length; s += 1) {
            const step = (steps[s % steps.length] as number) + 1
            pieces.push(text.slice(i, i + step))
            i += step
          }
          expect(scan(...pieces)).toEqual({ verdict: 'end', passed: text.slice(0, at), rest: text.slice(at) })
        },
      ),
    )
  })
})
