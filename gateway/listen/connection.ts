/**
 * One accepted connection: its socket, where it comes from, and how it gets TLS. Protocol sessions start from here.
 */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { MailwicketError } from '../../base/errors.ts'
import type { Endpoint } from '../../base/network.ts'
import { isInNetworks, normaliseIp, parseCidr } from '../../base/network.ts'
import { shareReads } from '../../base/sockets/shared-read.ts'
import type { Certificates } from '../../certs/certificates.ts'
import type { ListenConfig } from '../../config/config.ts'
import type { Limits } from '../limits.ts'
import { awaitClientHello } from './client-hello.ts'
import { readProxyHeader } from './proxy-protocol.ts'

export class Connection {
  /** The client's address, without the IPv4-mapped form of IPv6. */
  ip: string
  port: number
  /** `TLSv1.3`, or null before TLS. */
  tls: string | null = null
  /** The socket to speak on; replaced by `secure()`. */
  socket: Duplex
  /** Asked when too many connections are not logged in: goes, or says `false` because it is on its way in. Sessions set it to go with a word. */
  giveWay = (): boolean => {
    this.destroy()
    return true
  }
  /** Waits for a turn to do the costly part of a handshake; false: the client has gone. The listener sets it. */
  takeTurn: (tcp: Socket) => Promise<boolean> = async () => true
  /** Tells the log, once in a while, that the client speaks TLS where plain text begins. The listener sets it. */
  onSpeaksTls = (): void => {}
  readonly #acceptedAt = performance.now()
  readonly #tcp: Socket
  readonly #listen: ListenConfig
  readonly #certificates: Certificates
  readonly #limits: Limits
  /** As the balancer told. */
  #proxiedTo: Endpoint | undefined

  constructor(tcp: Socket, listen: ListenConfig, certificates: Certificates, limits: Limits) {
    this.#tcp = tcp
    this.#listen = listen
    this.#certificates = certificates
    this.#limits = limits
    this.socket = tcp
    // A ClientHello, a PROXY header, a command before STARTTLS: Node would take 64 KiB for each.
    shareReads(tcp)
    this.ip = normaliseIp(tcp.remoteAddress ?? '')
    this.port = tcp.remotePort ?? 0
    // From here to its destruction a socket always has an error listener: an error nobody listens for ends the process.
    tcp.on('error', ignore)
  }

  /** What the client connected to: behind a balancer an address of that. The host is '' when the client has gone. */
  get destination(): Endpoint {
    return this.#proxiedTo ?? { host: normaliseIp(this.#tcp.localAddress ?? ''), port: this.#tcp.localPort ?? 0 }
  }

  /**
   * Reads the PROXY header that the listener demands, where it demands one, and takes the client's address from it.
   * Throws WIRE_SYNTAX, WIRE_LIMIT, WIRE_CLOSED.
   */
  async identify(): Promise<void> {
    const { proxyProtocolFrom } = this.#listen
    if (proxyProtocolFrom === undefined) return
    if (!isInNetworks(this.ip, proxyProtocolFrom.map(parseCidr)))
      throw new MailwicketError('WIRE_SYNTAX', { message: 'not from a balancer that the configuration names' })
    const client = await readProxyHeader(this.#tcp, this.#limits.proxyHeaderMs)
    if (client === undefined) return
    this.ip = normaliseIp(client.ip)
    this.port = client.port
    this.#proxiedTo = { host: normaliseIp(client.destination.host), port: client.destination.port }
  }

  /**
   * Puts TLS on the socket, which must have no other reader. Throws WIRE_TIMEOUT, WIRE_CLOSED (also for a failed handshake).
   * SECURITY: nothing that came before TLS is in the socket any more; what was pipelined has been thrown away by the caller.
   */
  async secure(timeoutMs: number = this.#limits.tlsHandshakeMs): Promise<void> {
    const startedAt = performance.now()
    const asked = await awaitClientHello(this.#tcp, timeoutMs)
    if (!(await this.takeTurn(this.#tcp))) throw new MailwicketError('WIRE_CLOSED', { message: 'the client left while it waited for its turn' })
    const certificates = this.#certificates
    const { minTls } = this.#listen
    const secure = new TLSSocket(this.#tcp, { isServer: true, ...certificates.offer(asked, minTls) })
    shareReads(secure)
    secure.on('error', ignore)
    this.socket = secure
    await handshake(secure, this.#tcp, Math.max(this.#limits.tlsHandshakeLeastMs, timeoutMs - (performance.now() - startedAt)))
    this.tls = secure.getProtocol()
  }

  /** Milliseconds since it was accepted. */
  get ageMs(): number {
    return performance.now() - this.#acceptedAt
  }

  /** Ends the connection now; what was written is not waited for. */
  destroy(): void {
    this.socket.destroy()
    this.#tcp.destroy()
  }

  /** Says a last word and closes, within `disconnectMs` also when the client does not read. */
  disconnect(text: string): void {
    const { socket } = this
    if (socket.destroyed) return
    socket.end(text)
    const timer = setTimeout(() => this.destroy(), this.#limits.disconnectMs)
    socket.once('close', () => clearTimeout(timer))
    // Read on: closing with unread bytes would reset the connection, and the last reply would be lost.
    socket.resume()
    socket.once('end', () => socket.destroy())
  }
}

function handshake(socket: TLSSocket, tcp: Socket, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: MailwicketError) => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    const timer = setTimeout(() => fail(new MailwicketError('WIRE_TIMEOUT', { message: 'the TLS handshake took too long' })), timeoutMs)
    const onError = (error: Error) => fail(new MailwicketError('WIRE_CLOSED', { message: `TLS handshake: ${error.message}`, cause: error }))
    const onClose = () => fail(new MailwicketError('WIRE_CLOSED', { message: 'the client left during the TLS handshake' }))
    // A socket that was reset before TLS was put on it tells nobody any more.
    if (tcp.destroyed) return onClose()
    socket.once('error', onError)
    socket.once('close', onClose)
    tcp.once('end', onClose)
    tcp.once('close', onClose)
    // Half-open sockets are allowed after the handshake; a client that ends in the middle of it (port scanners do) has left. Nobody reads
    // yet, so its end would not be told: read(0) takes no data, but makes the stream look.
    const look = () => void socket.read(0)
    socket.on('readable', look)
    socket.once('end', onClose)
    socket.once('secure', () => {
      clearTimeout(timer)
      socket.off('readable', look)
      socket.off('end', onClose)
      socket.off('error', onError)
      socket.off('close', onClose)
      tcp.off('end', onClose)
      tcp.off('close', onClose)
      resolve()
    })
  })
}

function ignore(): void {}
