import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseClientId } from './imap-id.ts'
import { ImapIdPeek } from './imap-id-peek.ts'

const command = (text: string, ...literals: string[]) => ({
  lines: text.split('\u0001').map(line => Buffer.from(line)),
  literals: literals.map(literal => Buffer.from(literal)),
})

describe('the client’s ID', () => {
  it.each([
    ['a ID ("name" "Thunderbird" "version" "153")', 'Thunderbird 153'],
    ['a ID ("vendor" "Apple" "NAME" "iPhone Mail" "version" "22A3354")', 'iPhone Mail 22A3354'],
    ['a ID ("name" "Mutt")', 'Mutt'],
    ['a ID ("name" "App (Linux)" "version" NIL)', 'App (Linux)'],
    ['a ID NIL', undefined],
    ['a ID nil', undefined],
    ['a ID Nil ', undefined],
    ['a ID', undefined],
    ['a ID ("name" "x" "version" nil)', 'x'],
    ['a ID ("name")', undefined],
    ['a ID ("name" "x" "odd") more', 'x'],
    [`a ID (${'"k" "v" '.repeat(40)}"name" "Many")`, 'Many'],
    ['a ID ()', undefined],
    ['a ID ("version" "1")', undefined],
    ['a ID ("name" "evil\u0007\u001b[31mred")', 'evil[31mred'],
  ])('%s', (text, app) => {
    expect(parseClientId(command(text))).toBe(app)
  })

  it('reads literals, also empty ones', () => {
    expect(parseClientId(command('a ID (\u0001 \u0001 "version" \u0001)', 'name', 'Outlook', ''))).toBe('Outlook')
  })

  it.each([
    'a ID "name"',
    'a ID ("name" ("x"))',
    `a ID ("${'n'.repeat(31)}" "x")`,
    `a ID ("name" "${'x'.repeat(1025)}")`,
    `a ID (${'"k" "v" '.repeat(130).trim()})`,
    `a ID ${'('.repeat(10_000)}`,
    `a ID ${'('.repeat(60)}`,
  ])('refuses %s', text => {
    expect(() => parseClientId(command(text))).toThrow(expect.objectContaining({ code: 'WIRE_SYNTAX' }))
  })

  it('refuses a list of tens of thousands of words before it costs time', () => {
    for (const word of ['a ', '"" ', '\\Seen '])
      expect(() => parseClientId(command(`a ID (${word.repeat(64_000 / word.length)})`))).toThrow(
        expect.objectContaining({ message: 'the ID list is too long' }),
      )
  })

  it('keeps a name to what a table has room for', () => {
    expect(parseClientId(command(`a ID ("name" "${'x'.repeat(1000)}")`))).toHaveLength(64)
  })
})

describe('the peek for an ID after login', () => {
  const stream = 'a NAMESPACE\r\nb ID ("name" {4+}\r\nMail "version" "7")\r\nc SELECT INBOX\r\n'

  function peekAt(chunks: readonly (string | Buffer)[]): { app: string | undefined; isDone: boolean } {
    let app: string | undefined
    const peek = new ImapIdPeek(found => {
      app = found
    })
    for (const chunk of chunks) if (!peek.isDone) peek.push(Buffer.from(chunk))
    return { app, isDone: peek.isDone }
  }

  it('finds it wherever the stream is cut', () => {
    for (let cut = 0; cut <= stream.length; cut += 1) expect(peekAt([stream.slice(0, cut), stream.slice(cut)])).toEqual({ app: 'Mail 7', isDone: true })
    expect(peekAt([...stream])).toEqual({ app: 'Mail 7', isDone: true })
  })

  it('gives up at a literal, after a dozen commands, and after 8 KiB', () => {
    expect(peekAt(['a APPEND x {30}\r\n', 'b ID ("name" "not an app")\r\n'])).toEqual({ app: undefined, isDone: true })
    expect(peekAt([...Array(12).fill('a NOOP\r\n'), 'b ID ("name" "late")\r\n'])).toEqual({ app: undefined, isDone: true })
    expect(peekAt(['x'.repeat(9000)])).toEqual({ app: undefined, isDone: true })
  })

  it('stays calm about any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), chunks => {
        expect(peekAt(['a ID (', ...chunks.map(chunk => Buffer.from(chunk))]).app).toBeUndefined()
      }),
      { interruptAfterTimeLimit: 500 },
    )
  })
})
