/**
 * One listening socket: accepts, puts TLS on where the listener says `implicit`, and gives each connection to its protocol.
 *
 * Connections that are not logged in are counted over all listeners; above the cap a new one is closed at once, before it costs a handshake.
 * A reload may change how it serves; that holds from the next connection on.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { ListenConfig } from '../base/config.ts'
import { MailwicketError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { formatEndpoint } from '../base/network.ts'
import type { Certificates } from '../certs/certificates.ts'
import { Connection } from './connection.ts'
import { LIMITS } from './limits.ts'

export interface ListenerServices {
  readonly certificates: Certificates
  readonly log: Log
  /** Shared by all listeners. */
  readonly waiting: { count: number }
  /** Serve a connection until it is logged in or closed. Never reject. */
  readonly serve: Readonly<Record<ListenConfig['protocol'], (connection: Connection) => Promise<void>>>
}

/** As the ready line tells it. */
export interface ListenFacts {
  readonly protocol: ListenConfig['protocol']
  /** As bound: `127.0.0.1:993`, with the real port where the configuration says 0. */
  readonly address: string
  readonly tls: ListenConfig['tls']
}

const BACKLOG = 1024

/** Throws LISTEN_FAILED. */
export async function openListener(config: ListenConfig, services: ListenerServices): Promise<Listener> {
  const server = makeServer()
  const listener = new Listener(server, config, services)
  await listen(server, config)
  return listener
}

/** A server without a port: for `openListener`, or for a socket that the service manager has opened. */
export function makeServer(): Server {
  return createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: LIMITS.keepAliveMs, allowHalfOpen: true })
}

/** Listens on a descriptor that was inherited, at once: its address is known when this returns. */
export function listenOn(server: Server, fd: number): void {
  server.listen({ fd, backlog: BACKLOG })
}

export class Listener {
  #config: ListenConfig
  readonly #server: Server
  readonly #services: ListenerServices

  constructor(server: Server, config: ListenConfig, services: ListenerServices) {
    this.#server = server
    this.#config = config
    this.#services = services
    server.on('connection', socket => void accept(socket, this.#config, services))
  }

  get config(): ListenConfig {
    return this.#config
  }

  get facts(): ListenFacts {
    const { address, port } = this.#server.address() as { address: string; port: number }
    return { protocol: this.#config.protocol, address: formatEndpoint({ host: address, port }), tls: this.#config.tls }
  }

  /** Serves the connections to come like this; the address stays what it is. */
  reconfigure(config: ListenConfig): void {
    this.#config = config
  }

  /** To be called once it is bound: from here on an error is told in the log. */
  start(): void {
    this.#server.on('error', error => this.#services.log.error('listener.failed', { address: formatEndpoint(this.#config), err: error.message }))
  }

  /** Accepts no more; connections go on. */
  close(): void {
    this.#server.close()
  }
}

async function accept(socket: Socket, config: ListenConfig, services: ListenerServices): Promise<void> {
  const { waiting, certificates, log, serve } = services
  const connection = new Connection(socket, config, certificates)
  if (waiting.count >= LIMITS.unauthenticatedConnections) {
    connection.destroy()
    return
  }
  waiting.count += 1
  try {
    await connection.identify()
    if (config.tls === 'implicit') await connection.secure()
    await serve[config.protocol](connection)
  } catch (error) {
    connection.destroy()
    if (error instanceof MailwicketError && error.kind === 'client') log.debug('session.failed', { remote: connection.ip, err: error.message })
    else log.error('bug', { remote: connection.ip, err: (error as Error).message, stack: (error as Error).stack })
  } finally {
    waiting.count -= 1
  }
}

function listen(server: Server, config: ListenConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new MailwicketError('LISTEN_FAILED', {
          message: `cannot listen on ${formatEndpoint(config)}: ${error.message}`,
          remedy: remedyFor(error),
          cause: error,
        }),
      ),
    )
    server.listen({ host: config.host, port: config.port, backlog: BACKLOG }, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}

function remedyFor(error: NodeJS.ErrnoException): string {
  if (error.code === 'EACCES') return 'Ports below 1024 need root or CAP_NET_BIND_SERVICE.'
  if (error.code === 'EADDRINUSE') return 'Another program listens there: find it with `ss -ltnp`, or choose another address.'
  return 'Check the address in the configuration.'
}
