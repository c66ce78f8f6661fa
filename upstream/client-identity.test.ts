import { describe, expect, it } from 'vitest'
import { readProxyHeader } from '../gateway/listen/proxy-protocol.ts'
import { openTcpPair } from '../gateway/listen/tcp-pair-fixture.ts'
import { proxyHeaderFor, toTell } from './client-identity.ts'

const client = { ip: '203.0.113.7', port: 4711, destination: { host: '2001:db8::2', port: 993 }, session: 's1' }

describe('forward_client', () => {
  it.each([
    ['none', []],
    ['id', ['id']],
    ['xclient', ['xclient']],
    ['id+xclient', ['id', 'xclient']],
    ['proxy', ['proxy']],
    ['proxy-v1', ['proxy']],
  ] as const)('%s tells by %j', (forward, ways) => {
    expect((['id', 'xclient', 'proxy'] as const).filter(way => toTell(forward, way, client) === client)).toEqual(ways)
    expect(proxyHeaderFor(forward, client) !== undefined).toBe((ways as readonly string[]).includes('proxy'))
  })

  it.each(['proxy', 'proxy-v1'] as const)('%s: writes a header that its own reader understands', async forward => {
    const [balancer, ours] = await openTcpPair()
    balancer.write(proxyHeaderFor(forward, client) as Buffer)
    expect(await readProxyHeader(ours, 10_000)).toEqual({
      ip: '0:0:0:0:0:ffff:cb00:7107',
      port: 4711,
      destination: { host: '2001:db8:0:0:0:0:0:2', port: 993 },
    })
  })
})
