import { describe, expect, it } from 'vitest'
import { decodeBase64, decodeInitialResponse, parseCredentials, parsePlain, UNMATCHABLE } from './sasl.ts'

const bytes = (text: string) => Buffer.from(text, 'utf8')
const malformed = { code: 'WIRE_SYNTAX' }

describe('base64', () => {
  it('decodes what the alphabet and the padding allow', () => {
    for (const text of ['', 'a', 'ab', 'abc', 'abcd', '\u0000\u00ff']) expect(decodeBase64(bytes(bytes(text).toString('base64'))).toString()).toBe(text)
  })

  it.each(['a', 'ab', 'abc', 'ab=', 'ab==c', 'a===', '====', 'ab-_', 'YWJj\nYWJj', ' YWJj', 'YWJj ', 'YWJjYW=J'])('refuses %j', text => {
    expect(() => decodeBase64(bytes(text))).toThrow(expect.objectContaining(malformed))
  })

  it('takes a lone = as the empty initial response', () => {
    expect(decodeInitialResponse(bytes('=')).length).toBe(0)
    expect(() => decodeInitialResponse(bytes('=='))).toThrow()
  })
})

describe('PLAIN', () => {
  it('takes an authzid that is empty or the same address, in any case', () => {
    for (const authzid of ['', 'ann@example.com', 'Ann@Example.COM']) {
      expect(parsePlain(bytes(`${authzid}\0ann@example.com\0secret`))).toMatchObject({ address: 'ann@example.com', actsAsOther: false })
    }
    expect(parsePlain(bytes('bob@example.com\0ann@example.com\0secret')).actsAsOther).toBe(true)
  })

  it.each(['', 'no nul', 'one\0nul', 'a\0b\0c\0d', '\0name\0', '\0name\0\r\n', `\0name\0${'x'.repeat(1025)}`])(
    'makes of %j a secret that nobody can have',
    message => {
      expect(parsePlain(bytes(message)).secret).toBe(UNMATCHABLE)
    },
  )

  it.each(['\0\0secret', '\0 \0secret', '\0na\nme\0secret', `\0${'n'.repeat(513)}\0secret`])('makes of %j a name that nobody can have', message => {
    expect(parsePlain(bytes(message)).address).toBe('')
  })

  it('hands out the secret only by reveal()', () => {
    const { secret } = parsePlain(bytes('\0ann@example.com\0pa ss wörd'))
    expect(`${secret} ${JSON.stringify({ secret })}`).not.toContain('pa ss')
    expect(secret.reveal().toString()).toBe('pa ss wörd')
  })
})

describe('name and secret', () => {
  it('makes of octets that are not UTF-8 a secret that nobody can have', () => {
    expect(parseCredentials(bytes('ann@example.com'), Buffer.from([0x70, 0xe4, 0x73])).secret).toBe(UNMATCHABLE)
  })

  it('refuses nothing as malformed: a wrong name or secret is judged as one', () => {
    expect(parseCredentials(Buffer.from([0xff]), bytes('x')).address).toBe('')
    expect(parseCredentials(bytes('n'), bytes('')).secret).toBe(UNMATCHABLE)
  })

  it.each(['ann@example.com ', '\u00a0ann@example.com\u00a0', '\tann@example.com\r\n', '\u200bann@example.com\ufeff', '\u2066ann@example.com\u2069'])(
    'takes what is pasted around a name away: %j',
    name => {
      expect(parseCredentials(bytes(name), bytes('x')).address).toBe('ann@example.com')
      expect(parsePlain(bytes(`${name}\0ann@example.com\0x`)).actsAsOther).toBe(false)
    },
  )

  it.each([
    ['secret\r\n', 'secret'],
    ['secret\n', 'secret'],
    [' se cret\t', ' se cret\t'],
    ['\u00a0secret\u200b', '\u00a0secret\u200b'],
    ['two\nlines\n', 'two\nlines'],
  ])('takes a secret as it was sent, but for line ends behind it: %j', (sent, secret) => {
    expect(parseCredentials(bytes('n'), bytes(sent)).secret.reveal().toString()).toBe(secret)
  })
})
