/**
 * What an upstream said before it closed the connection: "closed" alone tells nobody why, and a 552 that is not heard becomes a 451.
 */
import type { Duplex } from 'node:stream'
import { MailwicketError } from '../base/errors.ts'
import type { Wire } from '../base/sockets/wire.ts'
import { UpstreamFailure } from './upstream-failure.ts'

/** A failure with its last words, where the wire broke off behind some; else the error as it is. */
export async function withLastWords(wire: Wire, error: unknown): Promise<unknown> {
  if (!(error instanceof MailwicketError) || error.code !== 'WIRE_CLOSED' || !wire.hasUnread) return error
  const text = (await wire.readSome()).toString('latin1')
  // It did not end its line, but it was about to say why it goes.
  const isWord = /^\* BYE|^[45]\d\d[ -]/i.test(text)
  return new UpstreamFailure(isWord ? 'says-unavailable' : 'closed', `it closed the connection after: ${text}`, error)
}

/** What the peer said before it left has arrived already: reading it takes one turn of the loop. */
const LAST_WORDS_MS = 250

/**
 * WORKAROUND(Node 26): a write that fails destroys a socket at once, and drops what the peer had said before it left. Such a socket is kept
 * until it has been read to its end, or for a moment; what is read meanwhile goes to its listeners.
 */
export function hearLastWords(socket: Duplex): void {
  const destroy = socket.destroy.bind(socket)
  let timer: NodeJS.Timeout | undefined
  socket.destroy = (error?: Error) => {
    const isWrite = (error as NodeJS.ErrnoException | undefined)?.syscall === 'write'
    if (!isWrite || socket.readableEnded || socket.isPaused()) {
      clearTimeout(timer)
      return destroy(error)
    }
    timer ??= setTimeout(() => destroy(error), LAST_WORDS_MS)
    socket.push = chunk => {
      if (chunk === null) socket.destroy()
      else socket.emit('data', chunk)
      return true
    }
    return socket
  }
}
