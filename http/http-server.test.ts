/** The server over real sockets: what it serves, and what hostile clients get. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext } from 'node:tls'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parseCidr } from '../base/network.ts'
import { Folder, makePem, openRecordingLog } from '../certs/certificate-fixture.ts'
import { openCertificates } from '../certs/certificates.ts'
import { type HttpServer, type HttpServerOptions, openHttpServer } from './http-server.ts'
import { ownHostOnly } from './security-headers.ts'

const opened: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

async function open(
  options: Partial<HttpServerOptions> = {},
): Promise<{ server: HttpServer; port: number; lines: ReturnType<typeof openRecordingLog>['lines'] }> {
  const { log, lines } = openRecordingLog()
  const server = await openHttpServer({
    endpoint: { host: '127.0.0.1', port: 0 },
    certificates: undefined,
    trustedProxies: () => [],
    serve: async (request, { ip }) => new Response(`${request.method} ${new URL(request.url).pathname} ${ip} ${(await request.text()).length}`),
    log,
    limits: { drainMs: 200, checkMs: 50, ...options.limits },
    ...options,
  })
  opened.push(server)
  return { server, port: Number(server.address.split(':').at(-1)), lines }
}

/** Everything that comes back until the server closes. */
function talk(port: number, text: string): { readonly socket: Socket; readonly said: () => string; readonly closed: Promise<string> } {
  let said = ''
  const socket = connect(port, '127.0.0.1', () => socket.write(text))
  socket.setEncoding('latin1').on('data', chunk => {
    said += chunk
  })
  socket.on('error', () => {})
  opened.push({ close: () => void socket.destroy() })
  return { socket, said: () => said, closed: new Promise(resolve => socket.once('close', () => resolve(said))) }
}

const request = (path = '/', more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`
const patient = { timeout: 60_000, interval: 10 }

test('plain HTTP, with the address of the client, or of the one that a trusted proxy names', async () => {
  const { port } = await open()
  expect(await (await fetch(`http://127.0.0.1:${port}/a?b`, { headers: { 'x-forwarded-for': '203.0.113.9' } })).text()).toBe('GET /a 127.0.0.1 0')
  const behind = await open({ trustedProxies: () => [parseCidr('127.0.0.0/8')] })
  expect(await (await fetch(`http://127.0.0.1:${behind.port}/`, { headers: { 'x-forwarded-for': '203.0.113.9' } })).text()).toBe('GET / 203.0.113.9 0')
})

test('TLS with the certificate of the name, of the first for who asks for none, and the newest of both', async () => {
  const { log } = openRecordingLog()
  const folder = new Folder()
  opened.push({ close: () => folder[Symbol.dispose]() })
  const certificates = await openCertificates({ files: [folder.write('a', await makePem({ names: ['devices.example.com'] }))], log })
  opened.push(certificates)
  const { port } = await open({ certificates })
  for (const servername of ['devices.example.com', undefined]) {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...(servername === undefined ? {} : { servername }) })
    opened.push({ close: () => void socket.destroy() })
    const answer = new Promise<string>(resolve => socket.setEncoding('latin1').once('data', resolve))
    socket.write(request())
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(socket.getPeerCertificate().subjectaltname).toBe('DNS:devices.example.com')
  }
})

test.each([
  ['a length', { 'content-length': '2' }, 'ab'],
  ['chunks', { 'transfer-encoding': 'chunked' }, '2\r\nab\r\n0\r\n\r\n'],
  ['nothing', {}, ''],
])('a body that comes with %s passes the limit of hono and is read', async (_name, headers, body) => {
  const app = new Hono()
  app.use(bodyLimit({ maxSize: 10, onError: context => context.text('too large', 413) }))
  app.all('*', async context => context.text(`read ${(await context.req.text()).length}`))
  const { port } = await open({ serve: request => app.fetch(request) })
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const lines = Object.entries({ host: 'localhost', connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}`)
    expect(await talk(port, `${method} / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`).closed, method).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*read [02]$/)
  }
  const tooMuch = `POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${'2\r\nab\r\n'.repeat(20)}0\r\n\r\n`
  expect(await talk(port, tooMuch).closed).toMatch(/^HTTP\/1\.1 413 /)
})

test.each([
  ['GET http://evil.example/x', 421],
  ['GET https://evil.example/x', 421],
  ['GET http://localhost/x', 200],
  ['GET http://localhost:1/x', 421],
  ['GET http://localhost@evil.example/x', 421],
  ['GET http:/evil.example/x', 400],
  ['GET //evil.example/x', 200],
  ['OPTIONS *', 400],
  ['TRACE /x', 200],
])('the target of %s, whatever its Host says: %s', async (line, status) => {
  const app = new Hono()
  app.use(ownHostOnly('http://localhost', context => context.text('', 421)))
  app.all('*', async context => context.text(new URL(context.req.raw.url).host))
  const { port, lines } = await open({ serve: request => app.fetch(request) })
  const said = await talk(port, `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`).closed
  expect(said).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  expect(lines.filter(({ event }) => event === 'bug')).toEqual([])
  if (status === 200) expect(said).toMatch(/\r\n\r\nlocalhost$/)
})

test('what a handler throws is told in the log and answered 500 without its words', async () => {
  const { port, lines } = await open({
    serve: () => {
      throw new Error('at /srv/secret')
    },
  })
  const response = await fetch(`http://127.0.0.1:${port}/`)
  expect([response.status, await response.text()]).toEqual([500, 'internal error\n'])
  expect(lines).toContainEqual({ event: 'bug', fields: expect.objectContaining({ err: 'at /srv/secret' }) })
})

describe('a hostile client', () => {
  test.each([
    ['headers that are too large', request('/', `X: ${'x'.repeat(20_000)}\r\n`), /^HTTP\/1\.1 431 /],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['what is no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', /^HTTP\/1\.1 400 /],
    ['a Host that is no name', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['CONNECT', 'CONNECT evil.example:25 HTTP/1.1\r\nHost: a\r\n\r\n', /^(?!HTTP\/1\.1 200)/],
  ])('%s', async (_name, text, expected) => {
    const { port, lines } = await open({ limits: { idleMs: 100, drainMs: 200 } })
    const { closed, socket } = talk(port, text)
    await vi.waitFor(() => expect(socket.bytesRead > 0 || socket.destroyed).toBe(true), patient)
    socket.end()
    expect(await closed).toMatch(expected)
    expect(lines.filter(({ event }) => event === 'bug')).toEqual([])
  })

  test.each([
    ['sends nothing', ''],
    ['never ends its headers', 'GET / HTTP/1.1\r\nHost: a\r\n'],
    ['never ends its body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc'],
  ])('who %s is gone at a deadline', async (_name, text) => {
    const { port } = await open({ limits: { headersMs: 300, requestMs: 300, checkMs: 50, idleMs: 300 } })
    await talk(port, text).closed
  })

  test('who never ends a TLS handshake is gone at a deadline', async () => {
    const context = createSecureContext(await makePem({ names: ['devices.example.com'] }))
    const { port } = await open({
      certificates: { offer: () => ({ secureContext: context, SNICallback: (_name, choose) => choose(null) }) },
      limits: { handshakeMs: 200 },
    })
    await talk(port, '\x16').closed
  })

  test('who is in the middle of a TLS handshake does not hold up a stop', async () => {
    const context = createSecureContext(await makePem({ names: ['devices.example.com'] }))
    const { port, server } = await open({
      certificates: { offer: () => ({ secureContext: context, SNICallback: (_name, choose) => choose(null) }) },
      limits: { handshakeMs: 600_000, drainMs: 200 },
    })
    const { closed, socket } = talk(port, '\x16')
    await once(socket, 'connect')
    await server.close()
    await closed
    opened.splice(opened.indexOf(server), 1)
  })

  test('a network that opens too many is closed out of the rest, and lets others in', async () => {
    const { port } = await open({ limits: { connectionsPerNetwork: 3 } })
    const held = [1, 2, 3].map(() => talk(port, request()))
    await vi.waitFor(() => expect(held.every(({ said }) => said().includes('200 OK'))).toBe(true), patient)
    expect(await talk(port, request()).closed).toBe('')
    const other = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.77' })
    opened.push({ close: () => void other.destroy() })
    const answer = new Promise<string>(resolve => other.setEncoding('latin1').once('data', resolve))
    other.write(request())
    expect(await answer).toContain('200 OK')
    held[0]?.socket.destroy()
    await vi.waitFor(async () => {
      const again = talk(port, request('/', 'Connection: close\r\n'))
      expect(await again.closed).toContain('200 OK')
    }, patient)
  })
})

test('closing finishes the answer that is on its way, and waits for nobody longer than the drain time', async () => {
  let finish: (() => void) | undefined
  const asked = Promise.withResolvers<void>()
  const { port, server } = await open({
    serve: async () => {
      asked.resolve()
      await new Promise<void>(resolve => {
        finish = resolve
      })
      return new Response('whole')
    },
    limits: { drainMs: 30_000 },
  })
  const answer = fetch(`http://127.0.0.1:${port}/`).then(response => response.text())
  await asked.promise
  const closing = server.close()
  finish?.()
  expect(await answer).toBe('whole')
  await closing
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  opened.pop()
})
