/**
 * For probes of servers that expect a PROXY header (`forward_client = "proxy"`): connections that begin with one. It says LOCAL, because a
 * check speaks for nobody.
 *
 * nodemailer takes such a connection as it is. imapflow only goes through a web proxy (CONNECT), so it gets one on loopback, for one connection.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Endpoint } from '../../base/network.ts'
import { LOCAL_PROXY_HEADER } from '../../base/proxy-header.ts'

/** For connecting, or for one answer; the probe has its own deadline on top. */
const STEP_TIMEOUT_MS = 20_000
/** What imapflow says to its proxy is a few lines. */
const MAX_REQUEST_BYTES = 8 * 1024
/** A greeting and the answer to a NOOP. */
const MAX_ANSWER_BYTES = 64 * 1024

/** Throws the system's error. */
export async function connectBehindHeader({ host, port }: Endpoint): Promise<Socket> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(STEP_TIMEOUT_MS) })
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

/**
 * Asks an IMAP server without TLS a harmless question behind the header: who takes the header for commands must not get a secret behind it.
 * With TLS from the first byte the handshake tells. Throws the system's error, or one that says what it answered.
 */
export async function checkTakesHeader(target: Endpoint): Promise<void> {
  const socket = await connectBehindHeader(target)
  try {
    socket.write('p NOOP\r\n')
    let heard = ''
    for await (const chunk of socket.setTimeout(STEP_TIMEOUT_MS, () => socket.destroy()).setEncoding('latin1')) {
      heard += chunk
      if (/^p OK/m.test(heard)) return
      if (/^\S* ?(?:BAD|BYE)\b/m.test(heard) || heard.length > MAX_ANSWER_BYTES) break
    }
    throw new Error(`it does not answer behind a PROXY header: ${heard.trimEnd().split('\r\n').at(-1) || 'no word'}`)
  } finally {
    socket.destroy()
  }
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
