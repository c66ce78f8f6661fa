/**
 * For probes of servers that expect a PROXY header (`forward_client = "proxy"`): connections that begin with one. It says LOCAL, because a
 * check speaks for nobody.
 *
 * nodemailer takes such a connection as it is. imapflow only goes through a web proxy (CONNECT), so it gets one on loopback, for one connection.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Endpoint } from '../base/config.ts'
import { LOCAL_PROXY_HEADER } from '../base/proxy-header.ts'

/** For one address; the probe has its own deadline on top. */
const CONNECT_TIMEOUT_MS = 20_000
/** What imapflow says to its proxy is a few lines. */
const MAX_REQUEST_BYTES = 8 * 1024

/** Throws the system's error. */
export async function connectBehindHeader({ host, port }: Endpoint): Promise<Socket> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) })
  } catch (error) {
    socket.on('error', () => {})
    socket.destroy()
    throw (error as Error).name === 'AbortError' ? Object.assign(new Error('no connection'), { code: 'ETIMEDOUT' }) : error
  }
  // Node ends the process for an error nobody listens for; whoever takes the socket over listens too.
  socket.on('error', () => {})
  socket.write(LOCAL_PROXY_HEADER)
  return socket
}

export interface Tunnel {
  /** As imapflow takes it. */
  readonly url: string
  close(): void
}

/** The way to `target` is open when this resolves. Throws the system's error. */
export async function openTunnel(target: Endpoint): Promise<Tunnel> {
  const far = await connectBehindHeader(target)
  const server = createServer(near => {
    // For one connection: the next one would have no other end.
    server.close()
    near.on('error', () => far.destroy())
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    let request = ''
    const onData = (chunk: Buffer) => {
      request += chunk.toString('latin1')
      if (request.length > MAX_REQUEST_BYTES) near.destroy()
      if (!request.endsWith('\r\n\r\n')) return
      near.off('data', onData)
      near.write('HTTP/1.1 200 OK\r\n\r\n')
      near.pipe(far)
      far.pipe(near)
    }
    near.on('data', onData)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close()
      far.destroy()
    },
  }
}
