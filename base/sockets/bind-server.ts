/** Binding a server to an address, with an error that says what to do about it. */
import type { Server } from 'node:net'
import { MailwicketError } from '../errors.ts'
import { type Endpoint, formatEndpoint } from '../network.ts'

/** Binds; `backlog` connections may wait in the kernel to be accepted. Throws LISTEN_FAILED. */
export function listen(server: Server, endpoint: Endpoint, backlog: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new MailwicketError('LISTEN_FAILED', {
          message: `cannot listen on ${formatEndpoint(endpoint)}: ${error.message}`,
          remedy: remedyFor(error),
          cause: error,
        }),
      ),
    )
    server.listen({ host: endpoint.host, port: endpoint.port, backlog }, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}

function remedyFor(error: NodeJS.ErrnoException): string {
  if (error.code === 'EACCES') return 'Ports below 1024 need root or CAP_NET_BIND_SERVICE.'
  if (error.code === 'EADDRINUSE') return 'Another program listens there: find it with `ss -ltnp`, or choose another address.'
  return 'Check the address in the configuration.'
}
