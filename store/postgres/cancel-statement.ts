/**
 * Asks the server to give up a statement for which nobody waits any more. Without it a server process that waits for a lock stays, with its connection, until it gets
 * the lock: it does not look whether its client is still there.
 */
import { connect } from 'node:net'

/** PostgreSQL manual, 55.7 "CancelRequest": its length, its code, process and key. */
const CANCEL_REQUEST = 80_877_102
const PATIENCE_MS = 1_000

/** Known of every connected client, in PgBouncer's words too; pg does not declare them. */
interface Connected {
  readonly host?: string
  readonly port?: number
  readonly processID?: number | null
  readonly secretKey?: number | null
}

/** Resolves when the server has taken it, or never will. Until then the client's own connection must stay: with it PgBouncer would forget the key. Never in TLS, as libpq did it for decades: whoever overhears the key can cancel what was cancelled. */
export async function cancelStatement(client: object): Promise<void> {
  const { host = '', port = 0, processID, secretKey } = client as Connected
  if (typeof processID !== 'number' || typeof secretKey !== 'number') return
  const request = Buffer.alloc(16)
  request.writeInt32BE(request.length, 0)
  request.writeInt32BE(CANCEL_REQUEST, 4)
  request.writeInt32BE(processID, 8)
  request.writeInt32BE(secretKey, 12)
  const socket = connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port })
  socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  socket.on('error', () => {})
  // The server closes when it is done, and not we: PgBouncer drops the request of whoever has gone. Read to its end, or it is never closed.
  socket.write(request)
  socket.resume()
  await new Promise<void>(resolve => socket.once('close', () => resolve()))
}
