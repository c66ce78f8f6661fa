/**
 * For tests: a server that takes its certificates from `Certificates`, and a client that visits it and tells what it saw.
 */
import { once } from 'node:events'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import { type ConnectionOptions, connect, TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { MinTls } from '../config/config.ts'
import type { Certificates } from './certificates.ts'

/** A server as the gateway's listener makes it, with a greeting so that tickets of TLS 1.3 arrive with it. */
export async function startServer(opened: Certificates, minTls: MinTls = '1.2', security: 'implicit' | 'starttls' = 'implicit'): Promise<number> {
  const server = createServer(async socket => {
    socket.on('error', () => {})
    if (security === 'starttls') {
      await once(socket, 'data')
      socket.write('go\r\n')
    }
    const secure = new TLSSocket(socket, {
      isServer: true,
      ...opened.offer(undefined, minTls),
    })
    secure.on('error', () => {})
    secure.once('secure', () => secure.write('hello\r\n'))
  })
  onTestFinished(() => void server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

interface Visit {
  readonly subject: string
  readonly fingerprint: string | undefined
  /** Of the certificate: 'rsa' or 'ec'. */
  readonly keyType: string | undefined
  readonly protocol: string | null
  readonly cipher: string
  readonly isReused: boolean
  readonly session: Buffer | undefined
}

export async function visit(port: number, options: ConnectionOptions = {}, socket?: Socket): Promise<Visit> {
  const client = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options, ...(socket === undefined ? {} : { socket }) })
  let session: Buffer | undefined
  client.on('session', one => {
    session = one
  })
  try {
    await once(client, 'data')
    const certificate = client.getPeerX509Certificate()
    const [subject, keyType] = [certificate?.subject ?? '', certificate?.publicKey.asymmetricKeyType]
    return {
      subject,
      fingerprint: certificate?.fingerprint256,
      keyType,
      protocol: client.getProtocol(),
      cipher: client.getCipher().name,
      isReused: client.isSessionReused(),
      session,
    }
  } finally {
    client.destroy()
  }
}

export async function visitByStarttls(port: number, options: ConnectionOptions): Promise<Visit> {
  const socket = connectTcp(port, '127.0.0.1')
  socket.write('STARTTLS\r\n')
  await once(socket, 'data')
  return visit(port, options, socket)
}
