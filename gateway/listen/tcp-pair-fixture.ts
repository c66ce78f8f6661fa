/** Two ends of real TCP connections for tests, closed after each. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach } from 'vitest'

const open: Socket[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
})

/** Both ends of one connection over loopback, half-open allowed, errors ignored. */
export async function openTcpPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [far] = (await once(server, 'connection')) as [Socket]
  server.close()
  open.push(near, far)
  near.on('error', () => {})
  far.on('error', () => {})
  return [near, far]
}
