import { describe, expect, test } from 'vitest'
import { domainOf, normaliseAddress, parseAddress } from './address.ts'

describe('an e-mail address', () => {
  test.each([
    ['Anna@Example.COM', 'anna@example.com'],
    ['anna+list@example.com.', 'anna+list@example.com'],
    ['ANNA@bücher.example', 'anna@xn--bcher-kva.example'],
    ['ÄNNE@example.com', 'änne@example.com'],
    ['a/b@example.com', 'a/b@example.com'],
    ['demo@localhost', 'demo@localhost'],
  ])('%s is taken as %s', (text, address) => {
    expect(parseAddress(text)).toBe(address)
  })

  test.each([
    '',
    'anna',
    '@example.com',
    'anna@',
    'an na@example.com',
    'anna@exam ple.com',
    'anna@example.com\n',
    'anna\0@example.com',
    'a@b@example.com',
    '"anna"@example.com',
    'anna@[192.0.2.1]',
    'anna@ex%61mple.com',
    'anna@-example.com',
    'anna@example.com/Phone',
    '\ud800@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.${'f'.repeat(60)}`,
  ])('%j is none', text => {
    expect(normaliseAddress(text)).toBeUndefined()
    expect(() => parseAddress(text)).toThrow(/is not an e-mail address/)
  })

  test('a megabyte is none, at once', () => {
    expect(normaliseAddress(`${'x'.repeat(1_000_000)}@example.com`)).toBeUndefined()
  })

  test('the same address in two normal forms of Unicode is one address', () => {
    expect(normaliseAddress('a\u0308nne@example.com')).toBe(normaliseAddress('\u00e4nne@example.com'))
  })

  test('has a domain', () => {
    expect(domainOf('anna@example.com')).toBe('example.com')
  })
})
