import { describe, expect, it } from 'vitest'
import { decodeBase64, decodeInitialResponse, parseCredentials, parsePlain } from './sasl.ts'

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

  it.each(['', 'no nul', 'one\0nul', 'a\0b\0c\0d', '\0\0secret', '\0name\0', '\0na\nme\0secret', '\0name\0sec\rret'])('refuses %j', message => {
    expect(() => parsePlain(bytes(message))).toThrow(expect.objectContaining(malformed))
  })

  it('hands out the secret only by reveal()', () => {
    const { secret } = parsePlain(bytes('\0ann@example.com\0pa ss wörd'))
    expect(`${secret} ${JSON.stringify({ secret })}`).not.toContain('pa ss')
    expect(secret.reveal().toString()).toBe('pa ss wörd')
  })
})

describe('name and secret', () => {
  it('makes of octets that are not UTF-8 a secret that nobody can have', () => {
    expect(parseCredentials(bytes('ann@example.com'), Buffer.from([0x70, 0xe4, 0x73])).secret.reveal()).toEqual(Buffer.of(0))
  })

  it('refuses a name that is not UTF-8 and values that are too long', () => {
    expect(() => parseCredentials(Buffer.from([0xff]), bytes('x'))).toThrow(expect.objectContaining(malformed))
    expect(() => parseCredentials(bytes('n'.repeat(513)), bytes('x'))).toThrow(expect.objectContaining(malformed))
    expect(() => parseCredentials(bytes('n'), bytes('x'.repeat(1025)))).toThrow(expect.objectContaining(malformed))
  })
})
