/**
 * The load's TLS connection: it trusts only the bench's certificate, and all that one load process reads goes through one buffer.
 */
import type { OnReadOpts } from 'node:net'
import { type ConnectionOptions, connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'

export interface Target {
  readonly port: number
  readonly certificate: string
  readonly user: string
  readonly secret: string
  /** Where the connection comes from; 127.0.0.1 unless told. */
  readonly from?: string
}

/** What arrives is looked at before the next read. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024)

/** One key exchange and one cipher for every peer: what they would all agree on by themselves differs with their OpenSSL. */
const PINNED = { ecdhCurve: 'X25519', ciphers: 'TLS_AES_256_GCM_SHA384', minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const
let context: SecureContext | undefined

/** `take` sees each read before the next one overwrites it. `session` is a ticket of an earlier connection, to resume it. */
export function connectTls(target: Target, take: (bytes: number, buffer: Uint8Array) => void, session?: Buffer): TLSSocket {
  context ??= createSecureContext({ ...PINNED, ca: target.certificate })
  const callback = (bytes: number, buffer: Uint8Array) => {
    take(bytes, buffer)
    return true
  }
  // Node takes `onread` here (its documentation says so); the published types do not know it.
  const options: ConnectionOptions & { readonly onread: OnReadOpts; readonly localAddress: string } = {
    localAddress: target.from ?? '127.0.0.1',
    host: '127.0.0.1',
    port: target.port,
    servername: 'localhost',
    secureContext: context,
    ...PINNED,
    ...(session === undefined ? {} : { session }),
    onread: { buffer: READ_BUFFER, callback },
  }
  const socket = connect(options)
  socket.setNoDelay(true)
  return socket
}
