import { expect, test } from 'vitest'
import { pickPorts, portsOf } from './free-ports-fixture.ts'

/** Linux takes outgoing ports from here on (net.ipv4.ip_local_port_range). */
const FIRST_OUTGOING = 32_768

test('no two workers share a port, and none is one that an outgoing connection gets', () => {
  const all = Array.from({ length: 12 }, (_, worker) => portsOf(worker)).flatMap(({ first, count }) => Array.from({ length: count }, (_, at) => first + at))
  expect(new Set(all).size).toBe(all.length)
  expect(Math.max(...all)).toBeLessThan(FIRST_OUTGOING)
})

test('a port is given once, also when it was never bound', async () => {
  const picked = [...(await pickPorts(20)), ...(await pickPorts(20))]
  expect(new Set(picked).size).toBe(40)
})
