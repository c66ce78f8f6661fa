/**
 * Waits until a client's first message of TLS is there in whole, and leaves it in the socket: from that moment on the handshake costs us
 * something. Whoever opens connections and keeps silent would otherwise collect turns, and use all of them at once.
 *
 * What does not look like a ClientHello, or is split over records, goes on as it is, for OpenSSL to judge.
 */
import type { Socket } from 'node:net'
import { MailwicketError } from '../../base/errors.ts'
import { readServerName } from './server-name.ts'

/** RFC 8446 §5.1, §4: type, version and length of the record; type and length of the message. */
const RECORD_HEAD_BYTES = 5
const HEAD_BYTES = RECORD_HEAD_BYTES + 4
const HANDSHAKE = 22
const CLIENT_HELLO = 1
/** One record. With keys of every kind, post-quantum ones included, they have about 2 KiB. */
const MAX_HELLO_BYTES = 16 * 1024

/** No protocol of TLS begins with a letter or a line end. */
export class SpeaksPlain extends MailwicketError {}

/** Gives the name that the client asks for, where it can be read. Throws WIRE_TIMEOUT, WIRE_CLOSED, SpeaksPlain (WIRE_SYNTAX, or WIRE_TIMEOUT of one that waits for a greeting); the socket is destroyed then. */
export function awaitClientHello(socket: Socket, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let needed = 1
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
        if (isPlainText(bytes)) return fail(new SpeaksPlain('WIRE_SYNTAX', { message: 'plain text where TLS begins' }))
        if (needed < HEAD_BYTES) {
          needed = HEAD_BYTES
          continue
        }
        const whole = lengthOfHello(bytes)
        if (whole <= needed) return finish(() => resolve(whole === 0 ? undefined : readServerName(bytes)))
        needed = whole
      }
    }
    const onLate = () => {
      const isSilent = socket.readableLength === 0
      fail(
        isSilent
          ? new SpeaksPlain('WIRE_TIMEOUT', { message: 'not a byte where TLS begins' })
          : new MailwicketError('WIRE_TIMEOUT', { message: 'the TLS handshake took too long' }),
      )
    }
    const timer = setTimeout(onLate, timeoutMs)
    socket.on('readable', look)
    socket.on('end', onGone)
    socket.on('close', onGone)
    if (socket.destroyed || socket.readableEnded) onGone()
    else look()
  })
}

function isPlainText([first = 0]: Buffer): boolean {
  return (first >= 0x20 && first < 0x7f) || first === 0x0d || first === 0x0a || first === 0x09
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
