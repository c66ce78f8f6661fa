/**
 * One listening socket: accepts, puts TLS on where the listener says `implicit`, and gives each connection to its protocol.
 *
 * A connection is counted as not logged in from accept on, and a closed block's is not worth a handshake (abuse/).
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { ListenConfig } from '../base/config.ts'
import { MailwicketError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { formatEndpoint } from '../base/network.ts'
import type { Certificates } from '../certs/certificates.ts'
import type { Limiter } from './abuse/limiter.ts'
import type { Unauthenticated } from './abuse/unauthenticated.ts'
import { Connection } from './connection.ts'
import { LIMITS } from './limits.ts'

export interface Listener {
  readonly protocol: ListenConfig['protocol']
  /** As bound: `127.0.0.1:993`, with the real port where the configuration says 0. */
  readonly address: string
  readonly tls: ListenConfig['tls']
  /** Accepts no more; connections go on. */
  close(): void
}

export interface ListenerServices {
  readonly certificates: Certificates
  readonly log: Log
  /** Shared by all listeners. */
  readonly unauthenticated: Unauthenticated
  readonly limiter: Pick<Limiter, 'mayConnect' | 'countedBlockOf'>
  /** Serves a connection until it is logged in or closed. Never rejects. */
  readonly serve: (connection: Connection) => Promise<void>
}

/** Throws LISTEN_FAILED. */
export async function openListener(config: ListenConfig, services: ListenerServices): Promise<Listener> {
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: LIMITS.keepAliveMs, allowHalfOpen: true },
    socket => void accept(socket, config, services),
  )
  await listen(server, config)
  server.on('error', error => services.log.error('listener.failed', { address: formatEndpoint(config), err: error.message }))
  const bound = server.address() as { address: string; port: number }
  return { protocol: config.protocol, address: formatEndpoint({ host: bound.address, port: bound.port }), tls: config.tls, close: () => void server.close() }
}

async function accept(socket: Socket, config: ListenConfig, services: ListenerServices): Promise<void> {
  const { unauthenticated, limiter, certificates, log, serve } = services
  const connection = new Connection(socket, config, certificates)
  const giveWay = () => connection.giveWay()
  const gone = new AbortController()
  socket.once('close', () => gone.abort())
  // Until a balancer has told whose connection it is, only the cap of all holds.
  let place = unauthenticated.enter(undefined, giveWay)
  try {
    await connection.identify()
    place.leave()
    place = unauthenticated.enter(limiter.countedBlockOf(connection.ip), giveWay)
    if (!(await limiter.mayConnect(connection.ip, gone.signal))) {
      connection.destroy()
      log.debug('session.failed', { remote: connection.ip, err: 'too many wrong logins from this address block' })
      return
    }
    if (config.tls === 'implicit') await connection.secure()
    await serve(connection)
  } catch (error) {
    connection.destroy()
    if (error instanceof MailwicketError && error.kind === 'client') log.debug('session.failed', { remote: connection.ip, err: error.message })
    else log.error('bug', { remote: connection.ip, err: (error as Error).message, stack: (error as Error).stack })
  } finally {
    place.leave()
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
    server.listen({ host: config.host, port: config.port, backlog: LIMITS.listenBacklog }, () => {
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
