/** One leg of a session for tests: our end and the peer's end of a real connection, closed after each test. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { openShared, shareReads } from '../../base/sockets/shared-read.ts'
import { makePem } from '../../certs/certificate-fixture.ts'

export interface Leg {
  readonly ours: Socket
  readonly peer: Socket
}

/** Whether our end reads into the memory that all share, as the product does, or in Node's own way, as it does where a Node has no such thing. */
export type Reads = 'shared' | 'own'

const pem = makePem({ names: ['localhost'] })

/** In this order: Node 26.10 crashes where a socket below TLS is destroyed first, right behind the handshake. */
function destroyAfterTest(...sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.on('error', () => {})
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

async function accept(server: Server): Promise<Socket> {
  const [socket] = (await once(server, 'connection')) as [Socket]
  server.close()
  return socket
}

/** A mail app's: accepted by us; with TLS put on it as a `Connection` does. */
export async function openClientLeg(tls: 'plain' | 'tls', reads: Reads = 'shared'): Promise<Leg> {
  const server = createServer({ allowHalfOpen: true })
  const port = await listen(server)
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const far = await accept(server)
  if (tls === 'plain') {
    destroyAfterTest(near, far)
    if (reads === 'shared') shareReads(far)
    return { ours: far, peer: near }
  }
  const ours = new TLSSocket(far, { isServer: true, secureContext: createSecureContext(await pem) })
  if (reads === 'shared') shareReads(ours)
  const peer = connectTls({ socket: near, rejectUnauthorized: false })
  destroyAfterTest(ours, peer, near, far)
  await Promise.all([once(ours, 'secure'), once(peer, 'secureConnect')])
  return { ours, peer }
}

/** A real server's: dialled by us, as an `UpstreamDialler` does. */
export async function openUpstreamLeg(tls: 'plain' | 'tls', reads: Reads = 'shared'): Promise<Leg> {
  const server = createServer({ allowHalfOpen: true })
  const options = { port: await listen(server), host: '127.0.0.1', allowHalfOpen: true }
  const accepted = accept(server)
  if (tls === 'plain') {
    const ours = reads === 'shared' ? openShared(onread => connect({ ...options, onread })) : connect(options)
    const peer = await accepted
    destroyAfterTest(ours, peer)
    return { ours, peer }
  }
  const near = connect(options)
  const far = await accepted
  const peer = new TLSSocket(far, { isServer: true, secureContext: createSecureContext(await pem) })
  const ours = connectTls({ socket: near, rejectUnauthorized: false })
  if (reads === 'shared') shareReads(ours)
  destroyAfterTest(ours, peer, near, far)
  await Promise.all([once(peer, 'secure'), once(ours, 'secureConnect')])
  return { ours, peer }
}
