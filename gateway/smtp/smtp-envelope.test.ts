import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMail, parseRcpt, UnknownParameter, UnreadableAddress } from './smtp-envelope.ts'

describe('an envelope is understood as a real server would', () => {
  it.each([
    ['<ann@example.com>', 'ann@example.com'],
    ['<a..b@docomo.example>', 'a..b@docomo.example'],
    ['<a.@docomo.example>', 'a.@docomo.example'],
    ['<.a@docomo.example>', '.a@docomo.example'],
    ['<root>', 'root'],
    ['root', 'root'],
    ['  <ann@example.com>', 'ann@example.com'],
    ['\t<ann@example.com>', 'ann@example.com'],
    ['< ann@example.com >', 'ann@example.com'],
    ['ann@example.com', 'ann@example.com'],
    ['<<ann@example.com>>', 'ann@example.com'],
    ['ann@example.com>', 'ann@example.com'],
    ['<@relay.example,@other.example:ann@example.com>', 'ann@example.com'],
    ['<"Ann B"@example.com>', '"Ann B"@example.com'],
    ['<"a".b@example.com>', '"a".b@example.com'],
    ['<a@b@example.com>', 'a@b@example.com'],
    ['<ann@[192.0.2.1]>', 'ann@[192.0.2.1]'],
    ['<ann@[IPv6:2001:db8::1]>', 'ann@[IPv6:2001:db8::1]'],
    ['<a%b!c@example.com>', 'a%b!c@example.com'],
  ])('%j', (path, address) => {
    expect(parseMail(`FROM:${path}`)).toEqual({ address, line: `MAIL FROM:<${address}>` })
    expect(parseRcpt(`to:${path}`)).toEqual({ address, line: `RCPT TO:<${address}>` })
  })

  it.each(['<>', '< >', ' <>'])('the null reverse-path: %j', path => {
    expect(parseMail(`FROM:${path}`)).toEqual({ address: '', line: 'MAIL FROM:<>' })
    expect(() => parseRcpt(`TO:${path}`)).toThrow(UnreadableAddress)
  })

  it('takes blanks and TABs before and between parameters', () => {
    expect(parseMail('FROM:<a@b>\tSIZE=5  \t BODY=8BITMIME RET=HDRS AUTH=c ENVID=d').line).toBe('MAIL FROM:<a@b> SIZE=5 BODY=8BITMIME RET=HDRS ENVID=d')
  })

  it.each(['<a@b> XVERP', '<a@b> BODY=BINARYMIME', 'a@b XVERP=+-'])('knows no parameter %j', text => {
    expect(() => parseMail(`FROM:${text}`)).toThrow(UnknownParameter)
  })
})

describe('what could be read in two ways is refused', () => {
  it.each([
    '<a b@example.com>',
    '<a@example.com,b@example.com>',
    '<a@example.com><b@example.com>',
    '<a@example.com>SIZE=5',
    '<a@example.com>;',
    '<Ann <a@example.com>>',
    '<a(comment)@example.com>',
    '<a\\ b@example.com>',
    '<mailto:a@example.com>',
    '<group:a@example.com;>',
    '<a\u0001b@example.com>',
    '<a@example.com',
    '<"a@example.com>',
    '<a@[x]y>',
    '<a@>',
    '<@example.com>',
    '<"a@example.com"@>',
    '<a@"b">',
    '<a@b> <c@d>',
    'a@b <c@d>',
    'Ann <a@b>',
    '<a@b> SIZE=',
    '<a@b> =5',
    '<a@b> ENVID=a=b',
    '<a@example.com>\n<b@example.com>',
  ])('%j', path => {
    expect(() => parseMail(`FROM:${path}`)).toThrow(UnreadableAddress)
    expect(() => parseRcpt(`TO:${path}`)).toThrow(UnreadableAddress)
  })

  it.each(['', 'FROM', 'FROM:', 'FROM <a@b>', 'FROM :<a@b>', 'TO:<a@b>', '<a@b>'])('MAIL %j is no MAIL at all', argument => {
    expect(() => parseMail(argument)).toThrow(expect.objectContaining({ code: 'WIRE_SYNTAX' }))
  })

  it('sends on one address between one pair of brackets and known parameters, whatever came in', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      ' ',
      '\t',
      '"',
      '\\',
      '@',
      ':',
      ',',
      '.',
      'a',
      'b@c',
      '[',
      ']',
      '(',
      ';',
      '=',
      'SIZE=1',
      'AUTH=<x>',
      '\u00e9',
      '\u00a0',
      '\r',
      '\n',
      '\0',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 14 }), fc.boolean(), (parts, isBracketed) => {
        const argument = `FROM:${isBracketed ? `<a${parts.join('')}` : parts.join('')}`
        try {
          const { line } = parseMail(argument)
          expect(line).toMatch(
            /^MAIL FROM:<(?:[!#-'*+\-./0-9=?-Z^-~\u0080-\u00ff]|"(?:[ !#-[\]-~\u0080-\u00ff]|\\[ -~])*"|(?<=@)\[[\w.:-]+\])*>(?: SIZE=1[!-~\u0080-\u00ff]*)*$/,
          )
          // Read again it is the same: nobody further on sees another address in it.
          expect(parseMail(line.slice('MAIL '.length)).line).toBe(line)
        } catch (error) {
          const { code } = error as { code?: string }
          if (!(error instanceof UnknownParameter) && !(error instanceof UnreadableAddress) && code !== 'WIRE_SYNTAX') throw error
        }
      }),
      { numRuns: 5000 },
    )
  })

  it('takes no longer for a line that is long and odd', () => {
    for (const piece of ['@', '"', 'a', '"" ', '\\"', '<', ' ', 'a@b:', '@a,'])
      for (const head of ['FROM:<', 'FROM:<@', 'FROM:']) {
        const line = `${head}${piece.repeat(8_000 / piece.length)}`
        // Quadratic work on so much takes a second and more, each time; the least of some is free of what other threads of this process did meanwhile.
        expect(Math.min(...Array.from({ length: 5 }, () => cpuMsOf(() => parseMail(line))))).toBeLessThan(200)
      }
  })
})

function cpuMsOf(act: () => unknown): number {
  const startedAt = process.cpuUsage().user
  try {
    act()
  } catch {}
  return (process.cpuUsage().user - startedAt) / 1_000
}
