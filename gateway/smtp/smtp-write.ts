/**
 * Writing to the upstream of a relay: in few segments.
 */
import type { Wire } from '../../base/sockets/wire.ts'

/**
 * Writes; what one tick writes leaves as one segment and one TLS record. Many small ones wait for each other's acknowledgements (40 ms a message).
 * False: the peer is slow, wait for its 'drain'.
 */
export function writeTogether({ socket }: Wire, data: string | Uint8Array): boolean {
  if (socket.destroyed) return true
  if (socket.writableCorked === 0) {
    socket.cork()
    process.nextTick(() => socket.uncork())
  }
  return socket.write(data)
}
