/** PROXY headers of balancers: demanded where the listener names networks, believed from these only, and nowhere else taken for more than bytes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatProxyHeader, LOCAL_PROXY_HEADER } from '../../base/sockets/proxy-header.ts'
import type { RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { type ListenSpec, ProxiedGateway } from '../fixtures/program/proxied-gateway.ts'

const balancer = '127.0.0.2'
const elsewhere = '127.0.0.3'
const client = '203.0.113.7'
const from = ['127.0.0.2/32', '127.0.1.0/24']
const kinds = [
  { protocol: 'imap', tls: 'implicit' },
  { protocol: 'imap', tls: 'starttls' },
  { protocol: 'submission', tls: 'implicit' },
  { protocol: 'submission', tls: 'starttls' },
] as const satisfies readonly ListenSpec[]
const listeners = kinds.map((kind, index) => ({ ...kind, index, name: `${kind.protocol} ${kind.tls}` }))
const isGreeting = /^(\* OK|220) /

let gateway: ProxiedGateway
let sources = 0

beforeAll(async () => {
  // Four that demand a header, four that take none. Nobody listens at the upstream: every login here is a wrong one.
  gateway = await ProxiedGateway.open(
    [...kinds.map(kind => ({ ...kind, from })), ...kinds],
    '[[upstream]]\nname = "main"\ndomains = ["example.com"]\nimap = { address = "127.0.0.1:1", tls = "none" }\nsubmission = { address = "127.0.0.1:1", tls = "none" }\n',
    // Ten seconds in the product.
    { proxyHeaderMs: 3_000 },
  )
})

afterAll(async () => {
  expect(gateway?.mailwicket.isAlive()).toBe(true)
  await gateway?.mailwicket.close()
})

const good: readonly (readonly [string, Uint8Array, string])[] = [
  ['version 1, IPv4', Buffer.from(`PROXY TCP4 ${client} 192.0.2.1 4711 993\r\n`), client],
  ['version 1, IPv6', Buffer.from('PROXY TCP6 2001:db8::7 2001:db8::1 4711 993\r\n'), '2001:db8::7'],
  ['version 2, IPv4', formatProxyHeader({ host: client, port: 4711 }, { host: '192.0.2.1', port: 993 }), client],
  ['version 2, IPv6', formatProxyHeader({ host: '2001:db8::7', port: 4711 }, { host: '2001:db8::1', port: 993 }), '2001:db8::7'],
  ['version 2, IPv4 as IPv6', formatProxyHeader({ host: client, port: 4711 }, { host: '2001:db8::1', port: 993 }), client],
  ['version 1, UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), balancer],
  ['version 2, LOCAL', LOCAL_PROXY_HEADER, balancer],
]

/** Logs in with a wrong password; gives the address that the log has for it. */
async function addressInLog(imap: RawImap, listener: (typeof listeners)[number], name: string): Promise<unknown> {
  const address = `${name.replace(/\W+/g, '-')}.${listener.index}@example.com`.toLowerCase()
  expect(await imap.readLine()).toMatch(isGreeting)
  if (listener.protocol === 'imap') {
    if (listener.tls === 'starttls') {
      await imap.ok('STARTTLS')
      await imap.startTls()
    }
    imap.write(`a LOGIN ${address} wrong-marker-secret\r\n`)
  } else {
    const say = async (line: string, code: string) => {
      imap.write(`${line}\r\n`)
      await imap.readUntil(`${code} `)
      await imap.readLine()
    }
    await say('EHLO app.example', '250')
    if (listener.tls === 'starttls') {
      await say('STARTTLS', '220')
      await imap.startTls()
      await say('EHLO app.example', '250')
    }
    imap.write(`AUTH PLAIN ${Buffer.from(`\0${address}\0wrong-marker-secret`).toString('base64')}\r\n`)
  }
  const line = await waitFor('the refusal in the log', 10_000, () => gateway.logOf('auth.refused').find(({ mailbox }) => mailbox === address))
  imap.destroy()
  return line.remote
}

const open = (listener: (typeof listeners)[number], source: string, first: Uint8Array, options: { tls?: boolean } = {}) =>
  gateway.connect(gateway.port(listener.index), source, { first, tls: options.tls ?? listener.tls === 'implicit' })

describe.each(listeners)('$name demands a header', listener => {
  test.each(good)('%s', async (name, header, address) => {
    expect(await addressInLog(await open(listener, balancer, header), listener, name)).toBe(address)
  })

  test('in pieces of one octet', async () => {
    const [, header, address] = good[2] ?? raise()
    const imap = await open(listener, '127.0.1.9', header.subarray(0, 1), { tls: false })
    for (const octet of header.subarray(1)) await imap.writeAll(Uint8Array.of(octet))
    if (listener.tls === 'implicit') await imap.startTls()
    expect(await addressInLog(imap, listener, 'pieces')).toBe(address)
  })

  const bad: readonly (readonly [string, Uint8Array])[] = [
    ['commands instead', Buffer.from('a CAPABILITY\r\nEHLO app.example\r\nb NOOP\r\n')],
    ['TLS at once', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3, 4, 5])],
    ['version 1 that does not end', Buffer.from(`PROXY TCP4 ${'1'.repeat(500)}`)],
    ['version 1 with a name', Buffer.from('PROXY TCP4 evil.example 192.0.2.1 4711 993\r\n')],
    ['version 1 with one port', Buffer.from(`PROXY TCP4 ${client} 192.0.2.1 4711\r\n`)],
    ['version 1 with the wrong family', Buffer.from(`PROXY TCP6 ${client} 192.0.2.1 4711 993\r\n`)],
    ['version 1 with LF alone', Buffer.from(`PROXY TCP4 ${client} 192.0.2.1 4711 993\n${'x'.repeat(100)}`)],
    ['version 2 of 5,000 octets', withLength(5_000)],
    ['version 2 of 65,535 octets', withLength(65_535)],
    ['version 2 without its addresses', withLength(4)],
    ['version 2 of another version', Buffer.concat([LOCAL_PROXY_HEADER.subarray(0, 12), Buffer.of(0x31, 0x11, 0, 0)])],
    ['version 2 with an unknown command', Buffer.concat([LOCAL_PROXY_HEADER.subarray(0, 12), Buffer.of(0x2f, 0x11, 0, 0)])],
  ]
  test.each(bad)('%s: closed without a word', async (_name, first) => {
    const imap = await open(listener, balancer, first, { tls: false })
    expect(await imap.readToEnd(5_000)).toBe('')
    imap.destroy()
  })

  test.each(good.map(([name, header]) => [name, header] as const))('a part of it, and the balancer leaves: %s', async (_name, header) => {
    const imap = await open(listener, balancer, header.subarray(0, -1), { tls: false })
    imap.end()
    expect(await imap.readToEnd(5_000)).toBe('')
  })

  test.each(good.map(([name, header]) => [name, header] as const))('%s from an address that is not named: closed without a word', async (_name, header) => {
    const imap = await open(listener, elsewhere, header, { tls: false })
    expect(await imap.readToEnd(5_000)).toBe('')
  })

  test('a second header behind the first is the client’s own, and nobody believes it', async () => {
    const [, header] = good[0] ?? raise()
    const imap = await open(listener, balancer, Buffer.concat([header, Buffer.from('PROXY TCP4 198.51.100.66 192.0.2.1 1 2\r\n')]), { tls: false })
    if (listener.tls === 'implicit') {
      expect(await imap.readToEnd(5_000)).not.toMatch(isGreeting)
      return
    }
    const address = listener.protocol === 'imap' ? addressInLog(imap, listener, 'second') : undefined
    // For smtp-server and for IMAP alike it is a bad command.
    if (address === undefined) expect(await imap.readUntil('500 ')).toMatch(isGreeting)
    else expect(await address).toBe(client)
    imap.destroy()
  })
})

test('silence instead of a header: closed in time', async () => {
  const silent = await Promise.all(listeners.map(listener => open(listener, balancer, new Uint8Array(), { tls: false })))
  const partial = await Promise.all(listeners.map(listener => open(listener, balancer, Buffer.from('PROXY TCP4 '), { tls: false })))
  for (const said of await Promise.all([...silent, ...partial].map(imap => imap.readToEnd(20_000)))) expect(said).toBe('')
})

describe.each(listeners)('$name without proxy_protocol_from', listener => {
  const port = () => gateway.port(kinds.length + listener.index)

  test.each(good)('%s is not believed', async (_name, header) => {
    const source = `127.0.3.${++sources}`
    const imap = await gateway.connect(port(), source, { first: header, tls: false })
    if (listener.tls === 'implicit') {
      expect(await imap.readToEnd(5_000)).not.toMatch(isGreeting)
      return
    }
    expect(await imap.readLine()).toMatch(isGreeting)
    imap.end()
    // Whatever it makes of such bytes: nobody has got another address by them.
    await waitFor('the end in the log', 10_000, () => gateway.logOf('session.end').some(({ remote }) => remote === source))
  })

  test('the address is that of the connection', async () => {
    const imap = await gateway.connect(port(), elsewhere, { tls: listener.tls === 'implicit' })
    expect(await addressInLog(imap, listener, 'direct')).toBe(elsewhere)
  })
})

function withLength(length: number): Buffer {
  const header = Buffer.concat([LOCAL_PROXY_HEADER.subarray(0, 12), Buffer.of(0x21, 0x11, 0, 0), Buffer.alloc(Math.min(length, 8_000))])
  header.writeUInt16BE(length, 14)
  return header
}

function raise(): never {
  throw new Error('no such header')
}
