import { describe, expect, test } from 'vitest'
import { formatCidr, formatEndpoint, isInNetworks, normaliseIp, parseCidr, parseEndpoint } from './network.ts'

const isIn = (address: string, ...networks: string[]) => isInNetworks(address, networks.map(parseCidr))

describe('networks', () => {
  test.each([
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['203.0.113.7', '203.0.113.7', true],
    ['203.0.113.8', '203.0.113.7', false],
    ['::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['::ffff:0a01:0203', '10.0.0.0/8', true],
    ['10.1.2.3', '::ffff:10.0.0.0/104', true],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['fe80::1%eth0', 'fe80::/10', true],
    ['2001:db8::1', '0.0.0.0/0', false],
    ['192.0.2.1', '::/0', false],
    ['192.0.2.1', '0.0.0.0/0', true],
    ['', '0.0.0.0/0', false],
    ['010.1.2.3', '0.0.0.0/0', false],
    ['not an address', '::/0', false],
  ])('%s in %s: %s', (address, network, expected) => {
    expect(isIn(address, network)).toBe(expected)
  })

  test('one of several is enough, none of none', () => {
    expect(isIn('192.0.2.1', '10.0.0.0/8', '192.0.2.0/24')).toBe(true)
    expect(isIn('192.0.2.1')).toBe(false)
  })

  test.each([
    ['10.9.8.7/8', '10.0.0.0/8'],
    ['192.0.2.1', '192.0.2.1/32'],
    ['192.0.2.129/25', '192.0.2.128/25'],
    ['2001:DB8:0:0::1/48', '2001:db8::/48'],
    ['::ffff:10.1.2.3/112', '10.1.0.0/16'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('%s is written %s', (text, canonical) => {
    expect(formatCidr(parseCidr(text))).toBe(canonical)
  })

  test.each([
    '',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0/8',
    '0x0a.0.0.0/8',
    '::/129',
    '10.0.0.0/8/8',
    'example.com',
    'fe80::1%eth0/64',
    ' 10.0.0.0/8',
  ])('"%s" is no network', text => {
    expect(() => parseCidr(text)).toThrow(/^must /)
  })

  test('an address has one spelling', () => {
    expect(normaliseIp('::FFFF:192.0.2.1')).toBe('192.0.2.1')
    expect(normaliseIp('2001:DB8:0:0:0:0:0:1')).toBe('2001:db8::1')
    expect(normaliseIp('fe80::1%eth0')).toBe('fe80::1')
    expect(normaliseIp('nonsense')).toBe('nonsense')
  })
})

describe('endpoints', () => {
  test.each([
    ['0.0.0.0:993', '0.0.0.0', 993],
    ['[::]:993', '::', 993],
    ['imap.internal:143', 'imap.internal', 143],
    ['mail_server:143', 'mail_server', 143],
    ['BÜCHER.example:143', 'xn--bcher-kva.example', 143],
    ['localhost:0', 'localhost', 0],
  ])('%s', (text, host, port) => {
    expect(parseEndpoint(text)).toEqual({ host, port })
  })

  test.each([
    ['993', 'an address and a port'],
    [':993', 'before the port: "0.0.0.0:993"'],
    ['example.com', 'an address and a port'],
    ['::1', 'brackets'],
    ['::1:993', 'brackets'],
    ['2001:db8:0:0:0:0:1:993', 'brackets'],
    ['[127.0.0.1]:993', 'IPv6 address between the brackets'],
    ['example.com:65536', 'from 0 to 65535'],
    ['example.com:99999999', 'an address and a port'],
    ['exa mple.com:993', 'host name or an IP address'],
    ['256.0.0.1:993', 'host name or an IP address'],
    ['-a.example:993', 'host name or an IP address'],
    ['imaps://example.com:993', 'without "…://"'],
  ])('%s is refused', (text, reason) => {
    expect(() => parseEndpoint(text)).toThrow(reason)
  })

  test('is written with brackets around IPv6', () => {
    expect(formatEndpoint({ host: '::1', port: 1 })).toBe('[::1]:1')
    expect(formatEndpoint({ host: 'a.example', port: 2 })).toBe('a.example:2')
  })
})
