import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Log, LogEvent, LogFields } from '../../base/log.ts'
import { type AdminEndpoint, type AdminServices, openAdminEndpoint } from './admin-endpoint.ts'
import type { Health, NotReady } from './readiness.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

interface Bench {
  readonly host?: string
  readonly text?: () => Promise<string>
  readonly notReady?: NotReady[]
  readonly storeHealth?: Pick<Health, 'warnings' | 'lastFailureAt'>
  readonly limits?: AdminServices['limits']
}

const WELL = { warnings: [], lastFailureAt: undefined }

async function openEndpoint({ host = '127.0.0.1', text = async () => 'a 1\n', notReady = [], storeHealth = WELL, limits = {} }: Bench = {}) {
  const lines: { event: LogEvent; fields: LogFields }[] = []
  const write = (event: LogEvent, fields: LogFields = {}) => void lines.push({ event, fields })
  const log: Log = { debug: write, info: write, warn: write, error: write, with: () => log }
  const metrics = { text, contentType: 'text/plain; version=0.0.4; charset=utf-8' }
  const endpoint = await openAdminEndpoint({ host, port: 0 }, { metrics, health: () => ({ notReady, ...storeHealth }), log, limits })
  open.push(endpoint)
  return { endpoint, lines, port: portOf(endpoint), ask: (path: string, method = 'GET') => ask(portOf(endpoint), path, method) }
}

const portOf = ({ address }: AdminEndpoint) => Number(address.split(':').at(-1))

async function ask(port: number, path: string, method: string): Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: string }> {
  const asked = request({ host: '127.0.0.1', port, path, method, agent: false }).end()
  const [response] = await once(asked, 'response')
  response.setEncoding('utf8')
  let body = ''
  for await (const chunk of response) body += chunk
  return { status: response.statusCode, headers: response.headers, body }
}

/** A connection that says what the test wants; `closed` gives all that came when the other side has closed. */
async function dial(port: number): Promise<{ socket: Socket; closed: Promise<string> }> {
  const socket = connect(port, '127.0.0.1')
  open.push({ close: () => socket.destroy() })
  let came = ''
  socket.on('data', chunk => {
    came += chunk
  })
  socket.on('error', () => {})
  const closed = new Promise<string>(resolve => socket.on('close', () => resolve(came)))
  await once(socket, 'connect')
  return { socket, closed }
}

/** Deadlines short enough to be waited for. */
const HASTY: Bench = { limits: { requestMs: 100, checkMs: 10, idleMs: 150 } }

describe('what it answers', () => {
  it('has three pages', async () => {
    const { ask } = await openEndpoint()
    expect(await ask('/metrics')).toMatchObject({ status: 200, body: 'a 1\n', headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
    expect(await ask('/healthz')).toMatchObject({ status: 200, body: 'ok\n', headers: { 'cache-control': 'no-store' } })
    expect(await ask('/readyz')).toMatchObject({ status: 200, body: '{"ready":true}\n', headers: { 'content-type': 'application/json' } })
    expect(await ask('/metrics?name=b')).toMatchObject({ status: 200, body: 'a 1\n' })
  })

  it('says why the node is not ready', async () => {
    const { ask } = await openEndpoint({ notReady: ['draining', 'store-unreadable'] })
    expect(await ask('/readyz')).toMatchObject({ status: 503, body: '{"ready":false,"notReady":["draining","store-unreadable"]}\n' })
    expect(await ask('/healthz')).toMatchObject({ status: 200 })
  })

  it('warns of what is no reason not to serve, beside reasons and without', async () => {
    const storeHealth: Bench['storeHealth'] = { warnings: ['store-unwritable'], lastFailureAt: 1_000 }
    const told = '"warnings":["store-unwritable"],"lastFailedWrite":"1970-01-01T00:00:01.000Z"}\n'
    expect(await (await openEndpoint({ storeHealth })).ask('/readyz')).toMatchObject({ status: 200, body: `{"ready":true,${told}` })
    const { ask } = await openEndpoint({ storeHealth, notReady: ['draining'] })
    expect(await ask('/readyz')).toMatchObject({ status: 503, body: `{"ready":false,"notReady":["draining"],${told}` })
  })

  it('answers HEAD with the same head', async () => {
    const { ask } = await openEndpoint({ notReady: ['draining'] })
    expect(await ask('/metrics', 'HEAD')).toMatchObject({ status: 200, body: '', headers: { 'content-length': '4' } })
    expect(await ask('/readyz', 'HEAD')).toMatchObject({ status: 503, body: '' })
  })

  it.each(['/', '/metrics/', '//metrics', '/METRICS', '/x/../metrics', '/%6detrics', '/__proto__', '/constructor', '/debug/pprof', '*'])(
    'has no %s',
    async path => {
      const { ask } = await openEndpoint()
      expect((await ask(path)).status).toBe(404)
    },
  )

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])('does not do %s', async method => {
    const { ask } = await openEndpoint()
    for (const path of ['/metrics', '/readyz', '/'])
      expect(await ask(path, method)).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD', connection: 'close' } })
  })

  it.each(['CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'GET\r\n\r\n', '\x16\x03\x01\x02\x00\x01', 'a LOGIN b c\r\n'])(
    'closes on %j, and goes on',
    async said => {
      const { port, ask, lines } = await openEndpoint(HASTY)
      const { socket, closed } = await dial(port)
      socket.write(said)
      expect(await closed).not.toContain(' 200 ')
      expect((await ask('/healthz')).status).toBe(200)
      expect(lines).toEqual([])
    },
  )

  it('takes no upgrade', async () => {
    const { port } = await openEndpoint()
    const { socket, closed } = await dial(port)
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n')
    expect(await closed).toMatch(/^HTTP\/1\.1 200 OK/)
  })

  it('tells nobody what went wrong inside', async () => {
    const { ask, lines } = await openEndpoint({ text: () => Promise.reject(new Error('at /srv/secret')) })
    expect(await ask('/metrics')).toMatchObject({ status: 500, body: 'internal error, see the log\n' })
    expect(lines).toMatchObject([{ event: 'bug', fields: { err: 'at /srv/secret' } }])
    expect((await ask('/healthz')).status).toBe(200)
  })
})

describe('what it bears', () => {
  it('refuses long headers', async () => {
    const { port, ask } = await openEndpoint()
    const { socket, closed } = await dial(port)
    socket.write(`GET /metrics HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(9000)}\r\n\r\n`)
    expect(await closed).toMatch(/^HTTP\/1\.1 431 /)
    const url = await dial(port)
    url.socket.write(`GET /metrics?${'x'.repeat(9000)} HTTP/1.1\r\n`)
    expect(await url.closed).toMatch(/^HTTP\/1\.1 431 /)
    expect((await ask('/healthz')).status).toBe(200)
  })

  it('closes on who says nothing', async () => {
    const { port } = await openEndpoint(HASTY)
    const { closed } = await dial(port)
    expect(await closed).not.toContain(' 200 ')
  })

  it('closes on who says it byte by byte', async () => {
    const { port } = await openEndpoint(HASTY)
    const { socket, closed } = await dial(port)
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nX: ')
    const drip = setInterval(() => socket.write('x'), 5)
    expect(await closed).not.toContain(' 200 ')
    clearInterval(drip)
  })

  it('closes on who announces a body and does not send it', async () => {
    const { port } = await openEndpoint(HASTY)
    const { socket, closed } = await dial(port)
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n')
    expect(await closed).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('closes between two requests', async () => {
    const { port } = await openEndpoint(HASTY)
    const { socket, closed } = await dial(port)
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(await closed).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('serves so many connections at a time and drops the next at once', async () => {
    const { port, ask } = await openEndpoint({ limits: { connections: 3 } })
    const first = await Promise.all([dial(port), dial(port), dial(port)])
    const { socket, closed } = await dial(port)
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(await closed).toBe('')
    first[0]?.socket.destroy()
    await vi.waitFor(async () => expect((await ask('/healthz')).status).toBe(200), { interval: 5, timeout: 10_000 })
  })

  it('drops who asks and does not read', async () => {
    const { port, ask } = await openEndpoint({ text: async () => 'x'.repeat(32 * 1024 * 1024), limits: { connections: 1, idleMs: 100 } })
    const { socket } = await dial(port)
    socket.pause()
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
    // There is room for one: this is served when the other is gone.
    await vi.waitFor(async () => expect((await ask('/healthz')).status).toBe(200), { interval: 10, timeout: 10_000 })
  })

  it('makes the text once for all who ask together', async () => {
    const text = vi.fn(async () => 'a 1\n')
    const { ask } = await openEndpoint({ text, limits: { textMs: 60_000 } })
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/metrics')))
    expect(answers.every(({ body }) => body === 'a 1\n')).toBe(true)
    expect(text).toHaveBeenCalledTimes(1)
  })

  it('makes a new one after a while, and after a failure at once', async () => {
    let fails = true
    const text = vi.fn(async () => (fails ? Promise.reject(new Error('no')) : 'a 1\n'))
    const { ask } = await openEndpoint({ text, limits: { textMs: 60_000 } })
    expect((await ask('/metrics')).status).toBe(500)
    fails = false
    expect((await ask('/metrics')).status).toBe(200)
    const prompt = await openEndpoint({ text, limits: { textMs: 0 } })
    text.mockClear()
    await prompt.ask('/metrics')
    await prompt.ask('/metrics')
    expect(text).toHaveBeenCalledTimes(2)
  })

  it('is closed with all its connections, also such as wait for an answer', async () => {
    const asked = Promise.withResolvers<void>()
    const never = new Promise<string>(() => {})
    const text = () => {
      asked.resolve()
      return never
    }
    const { endpoint, port } = await openEndpoint({ text })
    const [silent, waiting] = await Promise.all([dial(port), dial(port)])
    waiting.socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
    await asked.promise
    await endpoint.close()
    await Promise.all([silent.closed, waiting.closed])
    await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toThrow()
  })
})

describe('where it listens', () => {
  it.each(['0.0.0.0', '::'])('warns of %s', async host => {
    const { lines, endpoint } = await openEndpoint({ host })
    expect(lines).toMatchObject([{ event: 'admin.exposed', fields: { address: endpoint.address } }])
  })

  it.each(['127.0.0.1', '127.3.2.1', '::1', 'localhost'])('not of %s', async host => {
    expect((await openEndpoint({ host })).lines).toEqual([])
  })

  it('says what to do when the port is taken', async () => {
    const { port } = await openEndpoint()
    const services = { metrics: { text: async () => '', contentType: '' }, health: () => ({ notReady: [], ...WELL }), log: {} as Log }
    await expect(openAdminEndpoint({ host: '127.0.0.1', port }, services)).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    })
  })
})
