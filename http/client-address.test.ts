import { expect, test } from 'vitest'
import { parseCidr } from '../base/network.ts'
import { clientAddressOf } from './client-address.ts'

const proxies = ['10.0.0.0/8', '::1'].map(parseCidr)

test.each([
  ['no proxy, no header', '203.0.113.9', undefined, '203.0.113.9'],
  ['a client that invents one', '203.0.113.9', '192.0.2.1', '203.0.113.9'],
  ['a proxy', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['a proxy without the header', '10.0.0.1', undefined, '10.0.0.1'],
  ['a client that invents one behind a proxy', '10.0.0.1', '192.0.2.1, 203.0.113.9', '203.0.113.9'],
  ['two proxies', '10.0.0.1', '192.0.2.1, 203.0.113.9, 10.9.9.9', '203.0.113.9'],
  ['all of them proxies', '10.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.2'],
  ['a port', '10.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
  ['IPv6 with brackets and port', '::1', '[2001:db8::7]:4711', '2001:db8::7'],
  ['mapped IPv4 on a dual-stack listener', '::ffff:10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
  ['what is no address', '10.0.0.1', 'unknown, "x"', '10.0.0.1'],
  ['what is no address before one', '10.0.0.1', '_hidden, 203.0.113.9', '203.0.113.9'],
  ['an empty one', '10.0.0.1', '', '10.0.0.1'],
  ['thousands of them', '10.0.0.1', `${'192.0.2.1, '.repeat(5000)}203.0.113.9`, '203.0.113.9'],
])('%s', (_name, peer, header, expected) => {
  expect(clientAddressOf(peer, header, proxies)).toBe(expected)
})

test('without trusted proxies the header says nothing', () => {
  expect(clientAddressOf('127.0.0.1', '203.0.113.9', [])).toBe('127.0.0.1')
})
