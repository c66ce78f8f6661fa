import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../base/secret.ts'
import { makePem, type Pem } from '../certs/certificate-fixture.ts'
import { connectImapUpstream } from './imap/imap-upstream.ts'
import { probeImap } from './probe/imap-probe.ts'
import { targetAt } from './probe/probe-target-fixture.ts'
import { UpstreamDialler, type UpstreamTrust } from './upstream-dialler.ts'
import { UpstreamFailure } from './upstream-failure.ts'

const folder = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
const ca = join(folder, 'ca.pem')
let pem: Pem
const servers: Server[] = []

beforeAll(async () => {
  pem = await makePem({ names: ['localhost', '127.0.0.1'], rsaBits: 2048 })
  writeFileSync(ca, pem.cert)
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function listen(server: Server): Promise<number> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

function tlsServer(options: TlsOptions): Server {
  const server = createTlsServer({ ...pem, ...options }, socket => {
    socket.on('error', () => {})
    socket.write('hello\r\n')
  })
  server.on('tlsClientError', () => {})
  return server
}

async function dial(port: number, trust: UpstreamTrust = { ca, isPinned: true }, more: { host?: string; header?: Buffer; signal?: AbortSignal } = {}) {
  const dialler = new UpstreamDialler({ host: more.host ?? 'localhost', port, tls: 'implicit' }, trust)
  return dialler.dial(more.signal ?? AbortSignal.timeout(60_000), more.header).then(
    socket => {
      socket.destroy()
      return 'up' as const
    },
    (error: unknown) => {
      if (!(error instanceof UpstreamFailure)) throw error
      return error
    },
  )
}

const OLD: TlsOptions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }

describe('min_tls of an upstream', () => {
  it.each(['1.0', '1.1'] as const)('%s speaks with a server that has TLS 1.1 only', async minTls => {
    expect(await dial(await listen(tlsServer(OLD)), { ca, isPinned: true, minTls })).toBe('up')
  })

  it('1.0 verifies certificates as ever', async () => {
    expect(await dial(await listen(tlsServer(OLD)), { minTls: '1.0' })).toMatchObject({ reason: 'tls-failed', detail: expect.stringContaining('certificate') })
  })

  it('left out, check says what to set', async () => {
    const target = targetAt(await listen(tlsServer(OLD)), 'implicit', { host: 'localhost', trust: { ca, isPinned: true } })
    await expect(probeImap(target, undefined)).rejects.toMatchObject({ remedy: expect.stringContaining('min_tls = "1.0"') })
  })

  it('left out, such a server is refused in words, and 1.3 refuses one that has 1.2', async () => {
    expect(await dial(await listen(tlsServer(OLD)))).toMatchObject({ reason: 'tls-failed', detail: expect.stringContaining('older than min_tls allows') })
    const failure = await dial(await listen(tlsServer({ maxVersion: 'TLSv1.2' })), { ca, isPinned: true, minTls: '1.3' })
    expect(failure).toMatchObject({ reason: 'tls-failed', detail: expect.stringContaining('older than min_tls allows') })
  })
})

describe('what goes wrong in TLS is told in words', () => {
  const plain = (text: string) =>
    createServer(socket => {
      socket.on('error', () => {})
      socket.write(text)
    })

  it.each([
    ['a plain server', () => plain('* OK ready\r\n'), {}, 'does not speak TLS on this port'],
    ['a web server', () => plain('HTTP/1.1 400 Bad Request\r\n\r\n'), {}, 'does not speak TLS on this port'],
    ['a certificate of nobody', () => tlsServer({}), { ca: undefined, isPinned: undefined }, 'signed by itself'],
    ['a certificate for another name', () => tlsServer({}), { serverName: 'imap.example.com' }, 'for another name'],
    ['no cipher in common', () => tlsServer({ ciphers: 'PSK-AES128-CBC-SHA', maxVersion: 'TLSv1.2' }), {}, 'no cipher or key exchange in common'],
  ] as const)('%s', async (_, server, trust, words) => {
    const failure = await dial(await listen(server()), { ca, isPinned: true, ...trust })
    expect(failure).toMatchObject({ reason: 'tls-failed', detail: expect.stringContaining(words) })
    expect((failure as UpstreamFailure).detail).not.toMatch(/routines|\.c:|0A0/)
  })

  it('one that wants a certificate of ours, which TLS 1.3 tells after the handshake', async () => {
    const port = await listen(tlsServer({ requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' }))
    const dialler = new UpstreamDialler({ host: 'localhost', port, tls: 'implicit' }, { ca, isPinned: true })
    const options = { allowUnauthenticate: false, idClient: undefined, proxyHeader: undefined, signal: AbortSignal.timeout(60_000) }
    await expect(connectImapUpstream(dialler, { authzid: '', user: 'ann', secret: Secret.fromText('upstream-secret') }, options)).rejects.toMatchObject({
      reason: 'closed',
      detail: expect.stringMatching(/^it wants a certificate of ours/),
    })
  })

  it('one that leaves', async () => {
    const server = createServer(socket => void socket.destroy())
    expect(await dial(await listen(server))).toMatchObject({ reason: 'tls-failed', detail: expect.stringMatching(/^it (broke|closed) the connection/) })
  })

  it('nobody listens, also where a name has several addresses', async () => {
    for (const host of ['127.0.0.1', 'localhost'])
      expect(await dial(1, {}, { host })).toMatchObject({ reason: 'unreachable', detail: `${host}:1: nobody listens on this port (ECONNREFUSED)` })
  })
})

describe('behind a PROXY header', () => {
  it('silence until the end of the login is a refusal of the header', async () => {
    const controller = new AbortController()
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => controller.abort(new UpstreamFailure('timeout', 'no login within 20 s')))
    })
    const failure = await dial(await listen(server), {}, { header: Buffer.from('PROXY UNKNOWN\r\n'), signal: controller.signal })
    expect(failure).toMatchObject({ reason: 'proxy-refused', detail: 'timeout after our PROXY header: no login within 20 s' })
  })
})
