import fc from 'fast-check'
import { type AddressObject, type HeaderValue, simpleParser } from 'mailparser'
import MailComposer from 'nodemailer/lib/mail-composer/index.js'
import { describe, expect, it } from 'vitest'
import { EndOfData } from './end-of-data.ts'
import { checkFromHeader, judgeHeader } from './from-header.ts'

const OWN = 'ann@example.com'
const isAllowed = (address: string) => address === OWN

/** What the check says of a message on the wire, with its final dot, fed in pieces of the sizes given, over and over. */
function verdictOf(wire: string, sizes: readonly number[] = [wire.length]): 'pass' | { readonly refused: string } | 'no-end' {
  const bytes = Buffer.from(wire, 'latin1')
  const end = new EndOfData()
  const check = checkFromHeader(isAllowed)
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const piece = bytes.subarray(at, at + (sizes[i % sizes.length] as number))
    at += piece.length
    const scan = end.scan(piece)
    if (scan.verdict === 'bare-lf') return 'no-end'
    const verdict = check.push(scan.pass)
    if (verdict !== 'hold') return verdict
    if (scan.verdict === 'end') return check.finish()
  }
  return 'no-end'
}

/** What a receiver has of it (RFC 5321 §4.5.2). */
function stored(wire: string): string {
  const lines = wire.split('\r\n')
  return lines
    .slice(0, lines.indexOf('.'))
    .map(line => (line.startsWith('.') ? line.slice(1) : line))
    .join('\r\n')
}

describe('the From line', () => {
  it.each([
    'From: ann@example.com',
    'from : Ann <ann@example.com>',
    'Subject: x\r\nFROM:\r\n "Ann, (the one)" \r\n\t<ann@example.com>\r\nTo: from: x',
    'From: =?UTF-8?Q?=C3=84nn?= <ann@example.com> (work)',
    'From: "ann@example.com" <ann@example.com>',
    'From: Ann <ann@example.com>\r\nSender: ann@example.com\r\nResent-From: ann@example.com\r\nResent-From: Ann <ann@example.com>',
    'From: ann@example.com\r\nSubject: boss@corp.example\r\nReply-To: boss@corp.example\r\nX-From: boss@corp.example',
  ])('%j is one allowed address', header => expect(judgeHeader(header, isAllowed)).toBe('pass'))

  it.each([
    '',
    'Subject: none',
    'From: ann@example.com\r\nFrom: ann@example.com',
    'From: ann@example.com\r\nFr om: boss@corp.example',
    'From: ann@example.com\r\nFrom\r\n : boss@corp.example',
    'From: (") <b@example.com> (") <ann@example.com>',
    'From: <ann@example.com>(")<b@example.com>(")',
    'From: ann@example.com (<b@example.com>)',
    'From: ann@example.com (b@example\\.com)',
    'From: "<b@example.com>" <ann@example.com>',
    'From: "b@example.com" <ann@example.com>',
    'From: "b @ example.com" <ann@example.com>',
    'From: =?utf-8?q?b=40example=2Ecom?= <ann@example.com>',
    'From: =?utf-8?q?b?= =?us-ascii*en?b?QGV4YW1wbGUuY29t?= <ann@example.com>',
    'From: =?utf-16le?b?YgBAAHgALgBvAHIAZwA=?= <ann@example.com>',
    'From: <=?utf-8?q?b?=@example.com>',
    'From: <ann@example.com> x',
    'From: ann@example.com, b@example.com',
    'From: b@example.com <ann@example.com>',
    'From: <b@example.com> <ann@example.com>',
    'From: Group: ann@example.com;',
    'From: "b@example.com" b@example.org <ann@example.com>',
    'From: <@route.example:ann@example.com>',
    'From: ann@b@example.com',
    'From: ann@example.com\x0b<b@example.com>',
    'From: (b@example.com',
    'From:',
    'From: ann@example.com\r\nSender: boss@corp.example',
    'From: ann@example.com\r\nResent-From: boss@corp.example',
    'From: ann@example.com\r\nResent-From: ann@example.com\r\nResent-Sender: boss@corp.example',
    'From: ann@example.com\r\n\x0b, boss@corp.example',
    'From: ann@example.com\r\n\xa0, boss@corp.example',
  ])('%j is not', header => expect(judgeHeader(header, isAllowed)).toMatchObject({ refused: expect.stringMatching(/^55[04] 5\.[67]\./) }))
})

describe('the check', () => {
  it('decides when the header is complete, wherever it is cut', () => {
    const good = 'Subject: x\r\nFrom: ann@example.com\r\n\r\nFrom: evil@example.com\r\n.\r\n'
    for (let cut = 1; cut <= good.length; cut += 1) expect(verdictOf(good, [cut])).toBe('pass')
    const bad = 'From: evil@example.com\r\n\r\nFrom: ann@example.com\r\n.\r\n'
    for (let cut = 1; cut <= bad.length; cut += 1)
      expect(verdictOf(bad, [cut])).toMatchObject({ refused: expect.stringMatching(/^550 5\.7\.1 .*evil@example\.com/) })
  })

  it.each([
    'From: ann@example.com\r\nX: b\r\rc\r\nFrom: ceo@example.com\r\n\r\n.\r\n',
    'Fr\0om: ceo@example.com\r\nFrom: ann@example.com\r\n\r\n.\r\n',
    'From: ann@example.com\n\nFrom: ceo@example.com\r\n\r\n.\r\n',
    'From: ann@example.com\nX: y\r\n\r\n.\r\n',
  ])('refuses a header with more than one reading: %j', wire => {
    expect(verdictOf(wire)).toMatchObject({ refused: expect.stringMatching(/^554 5\.6\.0/) })
  })

  it.each([
    'From: ann@example.com\r\n.From: boss@corp.example\r\n\r\n.\r\n',
    '.From: boss@corp.example\r\nX: y\r\n\r\n.\r\n',
    'From: ann@example.com\r\n.\t, boss@corp.example\r\n\r\n.\r\n',
    'From: "Ann\r\n.\t" <boss@corp.example>, <ann@example.com>\r\n\r\n.\r\n',
    'From: ann@example.com\r\n.Sender: boss@corp.example\r\n.\r\n',
  ])('sees through the dots of the wire: %j', wire => {
    for (let cut = 1; cut <= wire.length; cut += 1) expect(verdictOf(wire, [cut])).toMatchObject({ refused: expect.stringMatching(/^550 5\.7\.1/) })
  })

  it('takes a line that begins with dots for what it is', () => {
    expect(verdictOf('From: ann@example.com\r\n..X: y\r\n.Subject: dots\r\n\r\n.\r\n')).toBe('pass')
    expect(verdictOf('.From: ann@example.com\r\n.\r\n')).toBe('pass')
  })

  it('refuses a body without a header, a header without an end, and one that is too long', () => {
    expect(verdictOf('\r\nFrom: ann@example.com\r\n.\r\n')).toMatchObject({ refused: expect.stringMatching(/^550/) })
    expect(verdictOf('.\r\n')).toMatchObject({ refused: expect.stringMatching(/^550/) })
    expect(verdictOf('From: evil@example.com\r\n.\r\n')).toMatchObject({ refused: expect.stringMatching(/^550/) })
    expect(checkFromHeader(() => true).push(Buffer.alloc(256 * 1024 + 1, 'x'))).toMatchObject({ refused: expect.stringMatching(/^554/) })
  })
})

describe('beside an independent parser', () => {
  const words = ['From', 'from', 'Sender', 'Resent-From', 'Subject', 'To', ':', ': ', ' ', '\t', '.', '..', '\r\n', '\r\n.', '\r\n ', '\r\n.\t', '\r\n\r\n']
  const values = ['ann@example.com', '<ann@example.com>', 'boss@corp.example', '<boss@corp.example>', 'Ann', '"', '(', ')', '\\', ',', ';', '<', '>', '@']
  const odd = ['=?utf-8?q?boss=40corp.example?=', '=?utf-8?q?=3Cboss=40corp.example=3E?=', '\x0b', '\x0c', '\x85', '\xa0', 'é', '\n', '\r', '\0', 'Group:']
  const line = fc.array(fc.constantFrom(...words, ...values, ...odd), { maxLength: 8 }).map(parts => `${parts.join('')}\r\n`)
  const originator = fc
    .tuple(
      fc.constantFrom('From: ', '.From: ', 'Sender: ', '.Sender:', 'Resent-From: ', 'FROM :'),
      fc.array(fc.constantFrom(...values, ' ', '\r\n.\t', '\r\n ', ...odd), { maxLength: 6 }),
    )
    .map(([name, parts]) => `${name}${parts.join('')}\r\n`)
  const allowed = fc.constantFrom('From: ann@example.com\r\n', 'From: Ann <ann@example.com>\r\n', '')
  const hostile = fc.array(fc.oneof(line, originator, allowed), { maxLength: 6 }).map(lines => `${lines.join('')}\r\ntext\r\n.\r\n`)
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 })

  it('no message passes in which a receiver finds a forbidden From, Sender or Resent-From', async () => {
    let passed = 0
    await fc.assert(
      fc.asyncProperty(hostile, sizes, async (wire, pieces) => {
        if (verdictOf(wire, pieces) !== 'pass') return
        passed += 1
        const { headers } = await simpleParser(Buffer.from(stored(wire), 'latin1'))
        const found = ['from', 'sender', 'resent-from', 'resent-sender'].flatMap(name => addressesOf(headers.get(name)))
        expect(found.filter(address => address !== OWN)).toEqual([])
      }),
      { numRuns: 4_000 },
    )
    // The generator must reach the other side of the check too.
    expect(passed).toBeGreaterThan(50)
  })

  it('a harmless message always passes, whatever its names, subject and text, and wherever it is cut', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(
        text,
        text,
        fc.string({ unit: fc.constantFrom('.', '\n', 'a', 'From: b@corp.example'), maxLength: 20 }),
        sizes,
        async (name, subject, body, pieces) => {
          const composer = new MailComposer({ from: { name: name.replaceAll('@', ''), address: OWN }, to: 'x@example.org', subject, text: body })
          const message = (await composer.compile().build()).toString('latin1')
          const lines = message.replace(/\r?\n$/, '').split(/\r?\n/)
          const wire = `${lines.map(one => (one.startsWith('.') ? `.${one}` : one)).join('\r\n')}\r\n.\r\n`
          expect(verdictOf(wire, pieces)).toBe('pass')
        },
      ),
      { numRuns: 500 },
    )
  })
})

/** What stands in a field as addresses, and what looks like one in its names. */
function addressesOf(field: HeaderValue | undefined): string[] {
  if (field === undefined) return []
  const values = (Array.isArray(field) ? field : [field]) as (AddressObject | string)[]
  return values.flatMap(value =>
    typeof value === 'string'
      ? (value.match(/[^\s<>",]+@[^\s<>",]+/g) ?? [])
      : value.value.flatMap(({ address, name }) => [address ?? '', ...(name.match(/[^\s<>"]+@[^\s<>"]+/g) ?? [])]),
  )
}
