/**
 * The monitoring endpoint: /metrics, /healthz and /readyz over HTTP, and nothing else.
 *
 * SECURITY: it has no password, so it says nothing secret and names no mailbox, and whoever reaches it must not be able to hold up mail:
 * connections, headers and times are bounded, and the text of /metrics is made at most four times a second.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Log } from '../../base/log.ts'
import type { Endpoint } from '../../base/network.ts'
import { formatEndpoint, isInNetworks, parseCidr } from '../../base/network.ts'
import { listen } from '../../base/sockets/bind-server.ts'
import { ADMIN_LIMITS, LIMITS } from '../limits.ts'
import type { Metrics } from './metrics.ts'
import type { Health } from './readiness.ts'

export interface AdminEndpoint {
  /** As bound. */
  readonly address: string
  close(): Promise<void>
}

export interface AdminServices {
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>
  readonly health: () => Health | Promise<Health>
  readonly log: Log
  /** For tests. */
  readonly limits?: Partial<Record<keyof typeof ADMIN_LIMITS, number>>
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const LOOPBACK = ['127.0.0.0/8', '::1'].map(parseCidr)
const TEXT = 'text/plain; charset=utf-8'

/** Throws LISTEN_FAILED. */
export async function openAdminEndpoint(endpoint: Endpoint, services: AdminServices): Promise<AdminEndpoint> {
  const { log } = services
  const limits = { ...ADMIN_LIMITS, ...services.limits }
  const pages = makePages(services, limits.textMs)
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: limits.checkMs,
      keepAliveTimeout: limits.idleMs,
    },
    (request, response) => {
      answer(pages, request).then(
        page => send(request, response, page),
        (error: Error) => {
          log.error('bug', { err: error.message, stack: error.stack })
          send(request, response, { status: 500, type: TEXT, body: 'internal error, see the log\n' })
        },
      )
    },
  )
  server.maxConnections = limits.connections
  // Also for a client that asks and does not read: the deadlines above are for the request only.
  server.setTimeout(limits.idleMs)
  await listen(server, endpoint, LIMITS.listenBacklog)
  server.on('error', error => log.error('listener.failed', { address: formatEndpoint(endpoint), err: error.message }))
  const bound = server.address() as { address: string; port: number }
  const address = formatEndpoint({ host: bound.address, port: bound.port })
  if (!isInNetworks(bound.address, LOOPBACK))
    log.warn('admin.exposed', { address, why: 'the monitoring endpoint has no password and others can reach it; let a firewall admit the monitoring only' })
  return {
    address,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

type Pages = ReadonlyMap<string, () => Answer | Promise<Answer>>

function makePages({ metrics, health }: AdminServices, textMs: number): Pages {
  const text = keepFor(textMs, () => metrics.text())
  return new Map<string, () => Answer | Promise<Answer>>([
    ['/metrics', async () => ({ status: 200, type: metrics.contentType, body: await text() })],
    ['/healthz', () => ({ status: 200, type: TEXT, body: 'ok\n' })],
    [
      '/readyz',
      async () => {
        const { notReady, warnings, lastFailureAt } = await health()
        const isReady = notReady.length === 0
        const told = {
          ready: isReady,
          ...(isReady ? {} : { notReady }),
          ...(warnings.length === 0 ? {} : { warnings }),
          ...(lastFailureAt === undefined ? {} : { lastFailedWrite: new Date(lastFailureAt).toISOString() }),
        }
        return { status: isReady ? 200 : 503, type: 'application/json', body: `${JSON.stringify(told)}\n` }
      },
    ],
  ])
}

async function answer(pages: Pages, { method, url = '' }: IncomingMessage): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, type: TEXT, body: 'only GET and HEAD\n' }
  const page = pages.get(url.replace(/\?.*$/s, ''))
  return page === undefined ? { status: 404, type: TEXT, body: `${[...pages.keys()].join('\n')}\n` } : page()
}

function send({ method }: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // RFC 9110 §15.5.6: a 405 says what is allowed. The connection ends, so that a body is not read.
    ...(status === 405 ? { allow: 'GET, HEAD', connection: 'close' } : {}),
  })
  response.end(method === 'HEAD' ? undefined : body)
}

/** `make` at most once in `ms`; who asks meanwhile gets what was made, or waits for what is being made. */
function keepFor(ms: number, make: () => Promise<string>): () => Promise<string> {
  let madeAt = Number.NEGATIVE_INFINITY
  let made: Promise<string> | undefined
  return () => {
    const now = performance.now()
    if (made === undefined || now - madeAt >= ms) {
      madeAt = now
      made = make()
      made.catch(() => {
        made = undefined
      })
    }
    return made
  }
}
