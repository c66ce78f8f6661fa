import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls, createSecureContext } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import { makePem, type Pem } from '../../certs/certificate-fixture.ts'
import type { Certificates } from '../../certs/certificates.ts'
import { LIMITS } from '../limits.ts'
import { Connection } from './connection.ts'
import { type ProxiedClient, readProxyHeader } from './proxy-protocol.ts'
import { openTcpPair } from './tcp-pair-fixture.ts'

let pem: Pem
beforeAll(async () => {
  pem = await makePem({ names: ['localhost'] })
})

const v1 = (text: string) => Buffer.from(`${text}\r\n`, 'latin1')

function v2(command: number, family: number, body: Buffer, version = 2): Buffer {
  const head = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, (version << 4) | command, family, 0, 0])
  head.writeUInt16BE(body.length, 14)
  return Buffer.concat([head, body])
}

const IPV4 = Buffer.from([203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 0x03, 0xe1])
const IPV6 = Buffer.concat([Buffer.from('20010db8000000000000000000000001', 'hex'), Buffer.alloc(16), Buffer.from([0x12, 0x67, 0x03, 0xe1])])

const good: readonly [string, Buffer, ProxiedClient | undefined][] = [
  ['version 1, IPv4', v1('PROXY TCP4 203.0.113.7 192.0.2.1 4711 993'), { ip: '203.0.113.7', port: 4711, destination: { host: '192.0.2.1', port: 993 } }],
  ['version 1, IPv6', v1('PROXY TCP6 2001:db8::1 2001:db8::2 4711 993'), { ip: '2001:db8::1', port: 4711, destination: { host: '2001:db8::2', port: 993 } }],
  ['version 1, UNKNOWN', v1('PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535'), undefined],
  ['version 2, IPv4', v2(1, 0x11, IPV4), { ip: '203.0.113.7', port: 4711, destination: { host: '192.0.2.1', port: 993 } }],
  [
    'version 2, IPv6 with TLVs',
    v2(1, 0x21, Buffer.concat([IPV6, Buffer.from([4, 0, 3, 1, 2, 3])])),
    { ip: '2001:db8:0:0:0:0:0:1', port: 4711, destination: { host: '0:0:0:0:0:0:0:0', port: 993 } },
  ],
  ['version 2, LOCAL', v2(0, 0, Buffer.alloc(0)), undefined],
]

describe('a PROXY header', () => {
  it.each(good)('%s: is read at every cut, and nothing behind it', async (_, header, client) => {
    const bytes = Buffer.concat([header, Buffer.from('behind')])
    const readCutAt = async (cut: number) => {
      const [balancer, ours] = await openTcpPair()
      balancer.write(bytes.subarray(0, cut))
      setImmediate(() => balancer.write(bytes.subarray(cut)))
      expect(await readProxyHeader(ours, LIMITS.proxyHeaderMs)).toEqual(client)
      let rest = ''
      ours.on('data', chunk => {
        rest += chunk
        if (rest.length === 6) ours.end()
      })
      ours.resume()
      await once(ours, 'finish')
      expect(rest).toBe('behind')
    }
    await Promise.all(Array.from({ length: header.length }, (_, cut) => readCutAt(cut)))
  })

  it.each([
    ['none', Buffer.from('a LOGIN x y\r\n   '), 'WIRE_SYNTAX'],
    ['TLS at once', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3]), 'WIRE_SYNTAX'],
    ['version 1 without an end', Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}`), 'WIRE_LIMIT'],
    ['version 1 with names', v1('PROXY TCP4 evil.example 192.0.2.1 1 2'), 'WIRE_SYNTAX'],
    ['version 1 with a wrong port', v1('PROXY TCP4 192.0.2.2 192.0.2.1 65536 2'), 'WIRE_SYNTAX'],
    ['version 1 with the wrong family', v1('PROXY TCP6 192.0.2.2 192.0.2.1 1 2'), 'WIRE_SYNTAX'],
    ['version 2 of 64 KiB', v2(1, 0x11, Buffer.alloc(65_535)), 'WIRE_LIMIT'],
    ['version 2, too short', v2(1, 0x11, Buffer.alloc(4)), 'WIRE_SYNTAX'],
    ['version 2 over UDP', v2(1, 0x12, IPV4), 'WIRE_SYNTAX'],
    ['version 3', v2(1, 0x11, IPV4, 3), 'WIRE_SYNTAX'],
    ['an unknown command', v2(5, 0x11, IPV4), 'WIRE_SYNTAX'],
  ])('%s: refused', async (_, bytes, code) => {
    const [balancer, ours] = await openTcpPair()
    balancer.write(bytes)
    await expect(readProxyHeader(ours, LIMITS.proxyHeaderMs)).rejects.toMatchObject({ code })
  })

  it.each(['', 'PROXY TC', '\r\n\r\n\0\r\nQUIT\n!'])('a balancer that leaves after %j', async text => {
    const [balancer, ours] = await openTcpPair()
    balancer.end(text)
    await expect(readProxyHeader(ours, LIMITS.proxyHeaderMs)).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
  })
})

function openConnection(ours: Socket, from: readonly string[]): Connection {
  const certificates = { offer: () => ({ secureContext: createSecureContext(pem) }) } as unknown as Certificates
  return new Connection(ours, { protocol: 'imap', tls: 'implicit', host: '127.0.0.1', port: 0, proxyProtocolFrom: from, minTls: '1.2' }, certificates, LIMITS)
}

describe('a connection behind a balancer', () => {
  it('has the client’s address, and TLS works though its first bytes came with the header', async () => {
    const [balancer, ours] = await openTcpPair()
    const connection = openConnection(ours, ['127.0.0.0/8'])
    // Header and ClientHello in one segment: what the client says first is held until the header can go with it.
    let isFirst = true
    const joined = new Duplex({
      read: () => {},
      write: (chunk, _, done) => {
        balancer.write(isFirst ? Buffer.concat([v1('PROXY TCP4 203.0.113.7 192.0.2.1 4711 993'), chunk]) : chunk)
        isFirst = false
        done()
      },
    })
    balancer.on('data', chunk => joined.push(chunk))
    const app = connectTls({ socket: joined, rejectUnauthorized: false })
    app.write('hello')
    await connection.identify()
    await connection.secure()
    expect(connection.ip).toBe('203.0.113.7')
    expect(connection.port).toBe(4711)
    expect(connection.destination).toEqual({ host: '192.0.2.1', port: 993 })
    expect(await new Promise(resolve => connection.socket.once('data', chunk => resolve(chunk.toString())))).toBe('hello')
    app.destroy()
  })

  it('is refused when it does not come from a network that is named', async () => {
    const [balancer, ours] = await openTcpPair()
    balancer.write(v1('PROXY TCP4 203.0.113.7 192.0.2.1 4711 993'))
    await expect(openConnection(ours, ['10.0.0.0/8']).identify()).rejects.toMatchObject({ code: 'WIRE_SYNTAX' })
  })
})
