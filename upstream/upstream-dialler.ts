/**
 * Opens a connection to an upstream: TCP, then TLS at once, or later by `startTls` (STARTTLS), or none where the configuration says so.
 *
 * Certificates are always verified, against the authorities of the configuration or the system's. Everything ends with the signal.
 */
import { readFileSync } from 'node:fs'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type SecureContext } from 'node:tls'
import { MailwicketError } from '../base/errors.ts'
import { openShared, shareReads } from '../base/sockets/shared-read.ts'
import { makeClientContext } from '../certs/secure-context.ts'
import type { MinTls, UpstreamEndpoint } from '../config/config.ts'
import { sayConnectionError } from './connection-words.ts'
import { asProxyRefused, UpstreamFailure, type UpstreamFailureReason } from './upstream-failure.ts'
import { UPSTREAM_LIMITS } from './upstream-limits.ts'
import { lookUpOnce } from './upstream-lookup.ts'

/** Whom to believe that he is the upstream. */
export interface UpstreamTrust {
  /** PEM files with the only authorities to trust; undefined: the system's. */
  readonly ca?: string | readonly string[] | undefined
  readonly minTls?: MinTls | undefined
  /** Name the certificate must have, where it is not the host that is connected to. */
  readonly serverName?: string | undefined
  /** Trust exactly the certificates of `ca`, also when none of them is an authority. */
  readonly isPinned?: true | undefined
}

export class UpstreamDialler {
  readonly endpoint: UpstreamEndpoint
  /** RFC 9525 §6: the name that the certificate must have. */
  readonly #name: string
  readonly #context: SecureContext | undefined
  /** The last TLS session, resumed by the next connection: saves the upstream's certificate check on both sides. */
  #session: Buffer | undefined

  /** Throws CERTIFICATE_INVALID when `ca` cannot be read. */
  constructor(endpoint: UpstreamEndpoint, trust: UpstreamTrust = {}) {
    this.endpoint = endpoint
    this.#name = trust.serverName ?? endpoint.host
    this.#context = endpoint.tls === 'none' ? undefined : createContext(trust)
  }

  /** A connected socket; TLS is up when the endpoint says `implicit`. A PROXY header goes out before anything else. Throws UpstreamFailure. */
  async dial(signal: AbortSignal, proxyHeader?: Buffer): Promise<Duplex> {
    const { host, port, tls } = this.endpoint
    // For an address there is only one family to try; for a name both are, in the manner of RFC 8305.
    const autoSelectFamily = isIP(host) === 0
    const options = {
      host,
      port,
      autoSelectFamily,
      lookup: lookUpOnce,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: UPSTREAM_LIMITS.keepAliveMs,
      allowHalfOpen: true,
    }
    // A socket below TLS is read by that.
    const socket = tls === 'none' ? openShared(onread => connectTcp({ ...options, onread })) : connectTcp(options)
    // For good: between one reader and the next nobody else listens, and an error nobody listens for ends the process.
    socket.on('error', ignore)
    await settle(socket, 'connect', signal, error => new UpstreamFailure('unreachable', `${host}:${port}: ${sayConnectionError(error)}`, error))
    if (proxyHeader !== undefined) socket.write(proxyHeader)
    if (tls !== 'implicit') return socket
    if (proxyHeader === undefined) return this.#startTls(socket, signal, 'tls-failed')
    return this.#startTls(socket, signal, 'proxy-refused').catch((error: unknown) => {
      throw asProxyRefused(error)
    })
  }

  /** TLS over a connected socket from which everything was read. Throws UpstreamFailure. */
  async startTls(socket: Duplex, signal: AbortSignal): Promise<Duplex> {
    return this.#startTls(socket, signal, 'tls-failed')
  }

  /** `brokenOff`: what it means when the handshake does not even come to the certificate. */
  async #startTls(socket: Duplex, signal: AbortSignal, brokenOff: UpstreamFailureReason): Promise<Duplex> {
    const name = this.#name
    const secure = connectTls({
      socket: socket as Socket,
      // RFC 9525 §6: the certificate must name the host of the configuration; an address is never sent as SNI (RFC 6066 §3).
      host: name,
      ...(isIP(name) === 0 ? { servername: name } : {}),
      secureContext: this.#context as SecureContext,
      ...(this.#session === undefined ? {} : { session: this.#session }),
    })
    shareReads(secure)
    secure.on('error', ignore)
    secure.on('session', session => {
      this.#session = session
    })
    await settle(
      secure,
      'secureConnect',
      signal,
      error => new UpstreamFailure(secure.authorizationError ? 'tls-failed' : brokenOff, sayConnectionError(error), error),
    )
    return secure
  }
}

function ignore(): void {}

function createContext({ ca, minTls = '1.2', isPinned }: UpstreamTrust): SecureContext {
  const files = ca === undefined ? undefined : [ca].flat()
  try {
    return makeClientContext({ authorities: files?.map(readAuthorities), minTls, isPinned: isPinned === true })
  } catch (error) {
    if (error instanceof MailwicketError) throw error
    throw new MailwicketError('CERTIFICATE_INVALID', { message: `${files?.join(', ')}: ${(error as Error).message}`, cause: error })
  }
}

function readAuthorities(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new MailwicketError('CERTIFICATE_INVALID', { message: `${path}: ${(error as Error).message}`, cause: error })
  }
}

/** Waits for `event`; on an error, a close or the signal it destroys the socket and throws. */
function settle(socket: Socket, event: string, signal: AbortSignal, failure: (error: Error) => UpstreamFailure): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error: Error | undefined) => {
      socket.off(event, onEvent)
      socket.off('close', onClose)
      signal.removeEventListener('abort', onAbort)
      if (error === undefined) {
        socket.off('error', onError)
        resolve()
      } else {
        // The error listener stays: a late error of a destroyed socket must not end the process.
        socket.destroy()
        reject(error)
      }
    }
    const onEvent = () => finish(undefined)
    const onError = (error: Error) => finish(failure(error))
    const onClose = () => finish(failure(new Error('it closed the connection')))
    const onAbort = () => finish(signal.reason as Error)
    socket.on(event, onEvent)
    socket.on('error', onError)
    socket.on('close', onClose)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
  })
}
