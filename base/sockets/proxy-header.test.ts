import { describe, expect, it } from 'vitest'
import { formatProxyHeader, formatProxyHeaderV1, LOCAL_PROXY_HEADER } from './proxy-header.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const hexOf = (source: string, destination: string) => formatProxyHeader({ host: source, port: 4711 }, { host: destination, port: 993 }).toString('hex')

describe('a PROXY header of version 2', () => {
  it('holds IPv4 addresses and ports', () => {
    expect(hexOf('203.0.113.7', '192.0.2.1')).toBe(`${SIGNATURE}2111000c${'cb007107'}${'c0000201'}126703e1`)
  })

  it('holds IPv6 addresses and ports', () => {
    expect(hexOf('2001:db8::1', '2001:db8::2')).toBe(`${SIGNATURE}21210024${'20010db8000000000000000000000001'}${'20010db8000000000000000000000002'}126703e1`)
  })

  it.each([
    ['203.0.113.7', '2001:db8::2', '00000000000000000000ffffcb00710720010db8000000000000000000000002'],
    ['2001:db8::1', '192.0.2.1', '20010db800000000000000000000000100000000000000000000ffffc0000201'],
  ])('of two families (%s to %s) holds both as IPv6', (source, destination, addresses) => {
    expect(hexOf(source, destination)).toBe(`${SIGNATURE}21210024${addresses}126703e1`)
  })

  it('is LOCAL when an address is not known', () => {
    expect(LOCAL_PROXY_HEADER.toString('hex')).toBe(`${SIGNATURE}20000000`)
    expect(formatProxyHeader({ host: '', port: 0 }, { host: '192.0.2.1', port: 993 })).toEqual(LOCAL_PROXY_HEADER)
  })
})

describe('a PROXY header of version 1', () => {
  it.each([
    ['203.0.113.7', '192.0.2.1', 'PROXY TCP4 203.0.113.7 192.0.2.1 4711 993\r\n'],
    ['2001:db8::1', '2001:db8::2', 'PROXY TCP6 2001:db8:0:0:0:0:0:1 2001:db8:0:0:0:0:0:2 4711 993\r\n'],
    ['203.0.113.7', '2001:db8::2', 'PROXY TCP6 0:0:0:0:0:ffff:cb00:7107 2001:db8:0:0:0:0:0:2 4711 993\r\n'],
    ['', '192.0.2.1', 'PROXY UNKNOWN\r\n'],
  ])('from %s to %s', (source, destination, text) => {
    expect(formatProxyHeaderV1({ host: source, port: 4711 }, { host: destination, port: 993 }).toString()).toBe(text)
    // The longest that the specification knows.
    expect(text.length).toBeLessThanOrEqual(107)
  })
})
