/** Two ends of real TCP connections for tests, closed after each. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** Both ends of one connection over loopback, half-open allowed, errors ignored. */
export async function openTcpPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [far] = (await once(server, 'connection')) as [Socket]
  server.close()
  onTestFinished(() => {
    for (const socket of [near, far]) socket.destroy()
  })
  near.on('error', () => {})
  far.on('error', () => {})
  return [near, far]
}
