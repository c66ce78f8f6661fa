/**
 * The web side's server: HTTP/1.1 over TLS or plain, bounded in connections, sizes and times, in front of a function from Request to Response.
 *
 * SECURITY: whoever reaches it is hostile until shown otherwise. It decides nothing about people; it knows whose request it is
 * (`client-address.ts`) and never believes the Host header.
 */
import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { getRequestListener } from '@hono/node-server'
import type { Log } from '../base/log.ts'
import { blockOf, type Endpoint, formatEndpoint, isInNetworks, type Network, normaliseIp } from '../base/network.ts'
import { listen } from '../base/sockets/bind-server.ts'
import type { Certificates } from '../certs/certificates.ts'
import { clientAddressOf } from './client-address.ts'
import { HTTP_LIMITS } from './http-limits.ts'

/** What a handler knows of a request beside the request itself. */
export interface RequestFacts {
  /** Of the client, not of a proxy. */
  readonly ip: string
}

export interface HttpServerOptions {
  readonly endpoint: Endpoint
  /** Undefined: plain HTTP. */
  readonly certificates: Pick<Certificates, 'offer'> | undefined
  /** Asked anew for each request: a reload may change them. */
  readonly trustedProxies: () => readonly Network[]
  /** Never rejects; what it throws is a defect, told in the log and answered 500. */
  readonly serve: (request: Request, facts: RequestFacts) => Response | Promise<Response>
  readonly log: Log
  /** For tests. */
  readonly limits?: Partial<Record<keyof typeof HTTP_LIMITS, number>>
}

export interface HttpServer {
  /** As bound. */
  readonly address: string
  /** Takes no more connections; answers that are on their way are finished within the drain time. */
  close(): Promise<void>
}

/** Throws LISTEN_FAILED. */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { endpoint, certificates, trustedProxies, log } = options
  const limits = { ...HTTP_LIMITS, ...options.limits }
  const settings = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkMs,
    keepAliveTimeout: limits.idleMs,
    // RFC 9112 §3.2: a request without Host is answered 400.
    requireHostHeader: true,
    noDelay: true,
  }
  const server = createServer(settings, makeListener(options))
  const handshaking = new Set<Ending>()
  if (certificates !== undefined) speakTls(server, certificates, handshaking, limits.handshakeMs)
  server.maxConnections = limits.connections
  server.setTimeout(limits.requestMs)
  boundPerNetwork(server, limits.connectionsPerNetwork, trustedProxies)
  await listen(server, endpoint, limits.listenBacklog)
  server.on('error', error => log.error('listener.failed', { address: formatEndpoint(endpoint), err: error.message }))
  const bound = server.address() as { address: string; port: number }
  return {
    address: formatEndpoint({ host: bound.address, port: bound.port }),
    close: () => {
      for (const one of handshaking) one.destroy()
      return closeWithin(server, limits.drainMs)
    },
  }
}

function makeListener({ serve, trustedProxies, log }: HttpServerOptions) {
  return getRequestListener(
    (request, { incoming }) => {
      const forwardedFor = incoming.headers['x-forwarded-for']
      const ip = clientAddressOf(incoming.socket.remoteAddress ?? '', Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor, trustedProxies())
      return serve(request, { ip })
    },
    {
      // hono's own middleware makes requests from requests, which only the adapter's kind of Request can be made of: left at its default.
      errorHandler: error => {
        const isTheirs = error instanceof Error && error.name === 'RequestError'
        if (!isTheirs) log.error('bug', { err: (error as Error).message, stack: (error as Error).stack })
        return new Response(isTheirs ? 'bad request\n' : 'internal error\n', { status: isTheirs ? 400 : 500 })
      },
    },
  )
}

interface Ending {
  destroy(): void
}

/**
 * HTTP begins behind the handshake. Not by node:https: its default certificate is fixed when it starts, and whoever asks for no name gets that
 * one; here a renewed certificate is everybody's from the next connection on.
 */
function speakTls(server: Server, certificates: Pick<Certificates, 'offer'>, handshaking: Set<Ending>, handshakeMs: number): void {
  const [serveHttp] = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const secure = new TLSSocket(socket, {
      isServer: true,
      ...certificates.offer(undefined, '1.2'),
      ALPNProtocols: ['http/1.1'],
    })
    // TLS first: Node 26.10 was seen to crash when what lies below it goes first.
    const both: Ending = {
      destroy() {
        secure.destroy()
        socket.destroy()
      },
    }
    handshaking.add(both)
    const timer = setTimeout(both.destroy, handshakeMs)
    socket.once('close', () => {
      clearTimeout(timer)
      handshaking.delete(both)
    })
    for (const one of [socket, secure]) one.on('error', both.destroy)
    secure.once('secure', () => {
      clearTimeout(timer)
      handshaking.delete(both)
      serveHttp?.call(server, secure)
    })
  })
}

/** A network that holds more is closed out of what it has too much: others never notice. A proxy stands for many. */
function boundPerNetwork(server: Server, most: number, trustedProxies: () => readonly Network[]): void {
  const open = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const ip = normaliseIp(socket.remoteAddress ?? '')
    if (isInNetworks(ip, trustedProxies())) return
    const network = blockOf(ip)
    const count = (open.get(network) ?? 0) + 1
    if (count > most) return void socket.destroy()
    open.set(network, count)
    socket.once('close', () => {
      const left = (open.get(network) ?? 1) - 1
      if (left === 0) open.delete(network)
      else open.set(network, left)
    })
  })
}

function closeWithin(server: Server, drainMs: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => server.closeAllConnections(), drainMs)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}
