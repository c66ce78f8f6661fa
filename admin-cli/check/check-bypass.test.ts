/** A bypass of the gateway, looked for among servers on 127.0.0.x that stand for public ones. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, createServer as createTlsServer, TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { writeDevelopmentCertificate } from '../../certs/development-ca.ts'
import { parseConfig } from '../../config/config-parse.ts'
import { checkBypass, type Surroundings } from './check-bypass.ts'
import type { LoginService } from './open-login-ports.ts'

const config = parseConfig(
  `
hostname = "mail.example.com"
[[certificate]]
cert = "a.pem"
key = "b.pem"
[[listen]]
protocol = "imap"
address = "0.0.0.0:993"
tls = "implicit"
[[upstream]]
name = "main"
domains = ["example.com"]
imap = { address = "imap.internal:993", tls = "implicit" }
submission = { address = "smtp.internal:587", tls = "starttls" }
`,
  '/etc/mailwicket.toml',
)

let dir: string
let tls: { cert: Buffer; key: Buffer }
let servers: Server[]
let services: LoginService[]
let names: Record<string, readonly string[]>
let own: readonly string[]

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'mailwicket-around-'))
  const { cert, key } = await writeDevelopmentCertificate({ directory: dir, hostNames: ['imap.internal'] })
  tls = { cert: readFileSync(cert), key: readFileSync(key) }
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

beforeEach(() => {
  servers = []
  services = []
  own = []
  names = { 'imap.internal': ['127.0.0.2'], 'smtp.internal': ['127.0.0.2'] }
})
afterEach(async () => {
  for (const server of servers) await new Promise(resolve => server.close(resolve))
})

const surroundings = (): Surroundings => ({
  services,
  lookUp: async host => names[host] ?? [],
  resolve: async name => names[name] ?? [],
  mailHosts: async domain => names[`MX ${domain}`] ?? [],
  ownAddresses: () => own,
  isPublic: address => address !== '127.0.0.2',
})

const check = () => checkBypass(config, surroundings())

/** A server at these addresses, on one port that all of them have free. */
async function serve(addresses: readonly string[], service: Omit<LoginService, 'port'>, speak: (socket: Socket) => void): Promise<number> {
  let port = 0
  for (const host of addresses) {
    const server = service.tls === 'implicit' ? createTlsServer(tls, speak) : createServer(speak)
    server.on('tlsClientError', () => {})
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
    port = (server.address() as { port: number }).port
    servers.push(server)
  }
  services.push({ ...service, port })
  return port
}

function speaker(greeting: string, answers: Readonly<Record<string, string>> = {}) {
  return (socket: Socket) => {
    socket.on('error', () => {})
    socket.write(greeting)
    socket.on('data', chunk => {
      const verb = /^\w+/.exec(chunk.toString())?.[0] ?? ''
      socket.write(answers[verb] ?? '500 ?\r\n')
    })
  }
}

const IMAP = { protocol: 'IMAP', tls: 'later' } as const
const dovecot = speaker('* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n')
const gateway = speaker('* OK [CAPABILITY IMAP4rev1] Mailwicket ready.\r\n')

describe('a bypass', () => {
  test('is an upstream at a public address, with the rule that closes it', async () => {
    names['imap.internal'] = ['127.0.0.3']
    const [imap, imaps] = [await serve(['127.0.0.3'], IMAP, dovecot), await serve(['127.0.0.3'], { ...IMAP, tls: 'implicit' }, dovecot)]
    const [finding, ...more] = await check()
    expect(more).toEqual([])
    expect(finding).toMatchObject({ check: 'way around', status: 'warn' })
    expect(finding?.message).toMatch(`public address 127.0.0.3 (imap.internal) and takes logins there: IMAP ${imap}, IMAP ${imaps}. Whether others`)
    expect(finding?.advice).toMatch(`tcp dport '{ ${imap}, ${imaps} }' ip saddr != 127.0.0.1 drop`)
  })

  test('is another server on this machine, on any port that takes logins', async () => {
    own = ['127.0.0.4']
    const port = await serve(['127.0.0.4'], { protocol: 'POP3', tls: 'later' }, speaker('+OK Dovecot ready.\r\n'))
    expect(await check()).toMatchObject([
      { status: 'warn', message: expect.stringContaining(`127.0.0.4 another server than Mailwicket takes logins: POP3 ${port}`) },
    ])
  })

  test('is where the mail exchanger or a usual name of the domain leads', async () => {
    names['MX example.com'] = ['mx.hoster.example']
    names['mx.hoster.example'] = ['127.0.0.5']
    names['imap.example.com'] = ['127.0.0.6']
    await serve(['127.0.0.5', '127.0.0.6'], IMAP, dovecot)
    const messages = (await check()).map(({ message }) => message)
    expect(messages).toHaveLength(2)
    expect(messages.join()).toMatch(/127\.0\.0\.5 \(mx\.hoster\.example\).*127\.0\.0\.6 \(imap\.example\.com\)/)
  })

  test('is the gateway’s own name while it leads elsewhere', async () => {
    names['mail.example.com'] = ['127.0.0.7']
    await serve(['127.0.0.7'], IMAP, dovecot)
    expect(await check()).toMatchObject([{ advice: expect.stringContaining('change it in DNS when you move') }])
  })

  for (const [title, ehlo] of [
    ['at once', '250-mx\r\n250 AUTH PLAIN LOGIN\r\n'],
    ['after STARTTLS', '250-mx\r\n250 STARTTLS\r\n'],
  ] as const) {
    test(`is port 25 where it offers AUTH ${title}`, async () => {
      names['imap.internal'] = ['127.0.0.3']
      const port = await serve(['127.0.0.3'], { protocol: 'SMTP', tls: 'later' }, socket => {
        speaker('220-mx.example.com\r\n220 ready\r\n', { EHLO: ehlo, STARTTLS: '' })(socket)
        socket.on('data', chunk => {
          if (!chunk.toString().startsWith('STARTTLS')) return
          socket.removeAllListeners('data')
          socket.write('220 go\r\n')
          const secure = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(tls) })
          secure.on('error', () => {})
          secure.on('data', () => secure.write('250-mx\r\n250-SIZE\r\n250 AUTH PLAIN\r\n'))
        })
      })
      expect(await check()).toMatchObject([{ message: expect.stringContaining(`SMTP with AUTH ${port}`) }])
    })
  }
})

describe('no bypass', () => {
  test('is the gateway itself, found by its greeting, over TLS too', async () => {
    own = ['127.0.0.4']
    names['mail.example.com'] = ['127.0.0.4']
    await serve(['127.0.0.4'], IMAP, gateway)
    await serve(['127.0.0.4'], { protocol: 'submission', tls: 'implicit' }, speaker('220 mail.example.com ESMTP Mailwicket\r\n'))
    expect(await check()).toMatchObject([{ status: 'ok', message: expect.stringContaining('looked at 127.0.0.4') }])
  })

  test('is a port 25 that takes mail and no logins, or a port that speaks something else', async () => {
    names['imap.internal'] = ['127.0.0.3']
    await serve(['127.0.0.3'], { protocol: 'SMTP', tls: 'later' }, speaker('220 mx\r\n', { EHLO: '250-mx\r\n250 SIZE\r\n' }))
    await serve(['127.0.0.3'], IMAP, speaker('SSH-2.0-OpenSSH\r\n'))
    await serve(['127.0.0.3'], { ...IMAP, tls: 'implicit' }, socket => socket.destroy())
    await serve(['127.0.0.3'], { protocol: 'POP3', tls: 'later' }, socket => {
      socket.on('error', () => {})
      for (let at = 0; at < 40; at += 1) socket.write('x'.repeat(1024))
    })
    expect(await check()).toMatchObject([{ status: 'ok' }])
  })

  test('is a server at an inner address: that is said, for it cannot be seen from here', async () => {
    await serve(['127.0.0.2'], IMAP, dovecot)
    expect(await check()).toMatchObject([{ status: 'ok', message: expect.stringMatching(/no public address was found/) }])
  })

  test('is what nobody answers, or no name finds', async () => {
    names = {}
    services = [{ ...IMAP, port: 1 }]
    own = ['127.0.0.4']
    expect(await check()).toMatchObject([{ status: 'ok' }])
  })
})
