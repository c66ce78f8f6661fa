/**
 * One accepted connection until its protocol takes over: puts TLS on where the listener says `implicit`, and gives it to its protocol.
 *
 * A connection is counted as not logged in from accept on, and a closed block's is not worth a handshake (abuse/).
 */
import type { Socket } from 'node:net'
import { MailwicketError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { blockOf } from '../../base/network.ts'
import type { Certificates } from '../../certs/certificates.ts'
import type { ListenConfig } from '../../config/config.ts'
import type { Limiter } from '../abuse/limiter.ts'
import type { Unauthenticated } from '../abuse/unauthenticated.ts'
import type { Limits } from '../limits.ts'
import type { Metrics } from '../monitoring/metrics.ts'
import { SpeaksPlain } from './client-hello.ts'
import { Connection } from './connection.ts'
import type { Accepted } from './listener.ts'
import type { WrongProtocolLog } from './wrong-protocol.ts'

export interface ConnectionServices {
  readonly certificates: Certificates
  readonly log: Log
  readonly metrics: Metrics
  readonly limits: Limits
  readonly wrongProtocol: WrongProtocolLog
  /** Shared by all listeners. */
  readonly unauthenticated: Unauthenticated
  readonly limiter: Pick<Limiter, 'mayConnect' | 'takeGreetingTurn' | 'takeHandshakeTurn' | 'countedBlockOf'>
  /** Serve a connection until it is logged in, for which it has `msToLogin`, or closed. Never reject. */
  readonly serve: Readonly<Record<ListenConfig['protocol'], (connection: Connection, msToLogin: number) => Promise<void>>>
}

/** Resolves when it is logged in or closed. Never rejects. */
export async function serveConnection(socket: Socket, { address, config }: Accepted, services: ConnectionServices): Promise<void> {
  const { unauthenticated, limiter, certificates, log, limits, serve, metrics, wrongProtocol } = services
  metrics.connectionAccepted(config.protocol, address)
  const connection = new Connection(socket, config, certificates, limits)
  const giveWay = () => connection.giveWay()
  // Until a balancer has told whose connection it is, only the cap of all holds.
  let place = unauthenticated.enter(undefined, giveWay)
  try {
    await connection.identify()
    place.leave()
    place = unauthenticated.enter(limiter.countedBlockOf(connection.ip), giveWay)
    const wrong = { protocol: config.protocol, listen: address, network: blockOf(connection.ip) }
    connection.onSpeaksTls = () => wrongProtocol.tell('speaks-tls', connection, wrong)
    connection.takeTurn = tcp => limiter.takeHandshakeTurn(connection.ip, tcp)
    const mayConnect = (await limiter.mayConnect(connection.ip)) && (config.tls === 'implicit' || (await limiter.takeGreetingTurn(connection.ip, socket)))
    if (socket.destroyed) return
    if (!mayConnect) {
      metrics.limited('block')
      // Whoever is closed out at once comes back at once: accepting costs more than keeping.
      await keepUnread(socket, limits.closedHoldMs)
      connection.destroy()
      log.debug('session.failed', { remote: connection.ip, err: 'too many wrong logins from this address block' })
      return
    }
    // The wait for its turn is part of its time: whoever sends nothing is gone when he would be gone on a quiet day.
    if (config.tls === 'implicit') {
      await connection.secure(Math.max(limits.tlsHandshakeLeastMs, limits.tlsHandshakeMs - connection.ageMs)).catch((error: unknown) => {
        if (error instanceof SpeaksPlain) wrongProtocol.tell('speaks-plain', connection, wrong)
        throw error
      })
    }
    // SECURITY: whoever waited or dawdled before TLS has the less for the rest.
    await serve[config.protocol](connection, Math.max(limits.loginLeastMs, limits.loginMs - connection.ageMs))
  } catch (error) {
    connection.destroy()
    metrics.connectionFailed(config.protocol, address)
    if (error instanceof MailwicketError && error.kind === 'client') log.debug('session.failed', { remote: connection.ip, err: error.message })
    else log.error('bug', { remote: connection.ip, err: (error as Error).message, stack: (error as Error).stack })
  } finally {
    place.leave()
  }
}

function keepUnread(socket: Socket, ms: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
