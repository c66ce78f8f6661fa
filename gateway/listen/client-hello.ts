/**
 * Waits until a client's first message of TLS is there in whole, and leaves it in the socket: from that moment on the handshake costs us
 * something. Whoever opens connections and keeps silent would otherwise collect turns, and use all of them at once.
 *
 * It is no parser of TLS: what does not look like a ClientHello, or is split over records, goes on as it is, for OpenSSL to judge.
 */
import type { Socket } from 'node:net'
import { MailwicketError } from '../../base/errors.ts'

/** RFC 8446 §5.1, §4: type, version and length of the record; type and length of the message. */
const RECORD_HEAD_BYTES = 5
const HEAD_BYTES = RECORD_HEAD_BYTES + 4
const HANDSHAKE = 22
const CLIENT_HELLO = 1
/** One record. With keys of every kind, post-quantum ones included, they have about 2 KiB. */
const MAX_HELLO_BYTES = 16 * 1024

/** Throws WIRE_TIMEOUT, WIRE_CLOSED; the socket is destroyed then. */
export function awaitClientHello(socket: Socket, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let needed = HEAD_BYTES
    const finish = (act: () => void) => {
      clearTimeout(timer)
      socket.off('readable', look)
      socket.off('end', onGone)
      socket.off('close', onGone)
      act()
    }
    const fail = (error: MailwicketError) =>
      finish(() => {
        socket.destroy()
        reject(error)
      })
    const onGone = () => fail(new MailwicketError('WIRE_CLOSED', { message: 'the client left before the TLS handshake' }))
    const look = () => {
      // Null until so many are there; fewer when the client has ended.
      for (let bytes = peek(socket, needed); bytes !== null; bytes = peek(socket, needed)) {
        if (bytes.length < needed) return onGone()
        const whole = lengthOfHello(bytes)
        if (whole <= needed) return finish(resolve)
        needed = whole
      }
    }
    const timer = setTimeout(() => fail(new MailwicketError('WIRE_TIMEOUT', { message: 'the TLS handshake took too long' })), timeoutMs)
    socket.on('readable', look)
    socket.on('end', onGone)
    socket.on('close', onGone)
    if (socket.destroyed || socket.readableEnded) onGone()
    else look()
  })
}

function peek(socket: Socket, byteCount: number): Buffer | null {
  const bytes = socket.read(byteCount) as Buffer | null
  if (bytes !== null) socket.unshift(bytes)
  return bytes
}

/** How many bytes must be there; no more than there are where nothing is to be waited for. */
function lengthOfHello(head: Buffer): number {
  if (head[0] !== HANDSHAKE || head[RECORD_HEAD_BYTES] !== CLIENT_HELLO) return 0
  const length = HEAD_BYTES + head.readUIntBE(RECORD_HEAD_BYTES + 1, 3)
  return length > MAX_HELLO_BYTES ? 0 : length
}
