/**
 * A connection over a stream of the test's own, whose TLS is only said to be there.
 */
import type { Duplex } from 'node:stream'
import type { Connection } from './connection.ts'

export function openPretendedConnection(socket: Duplex, tls: string | null): Connection {
  const connection = {
    ip: '192.0.2.7',
    port: 4711,
    tls,
    socket,
    secure: async () => {
      connection.tls = 'TLSv1.3'
    },
    onSpeaksTls: () => {},
    destroy: () => void socket.destroy(),
    disconnect: (text: string) => {
      socket.end(text)
      socket.resume()
    },
  }
  return connection as unknown as Connection
}
