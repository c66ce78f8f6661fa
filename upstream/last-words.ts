/**
 * What an upstream said before it closed the connection in the middle of a line: "closed" alone tells nobody why.
 */
import { MailwicketError } from '../base/errors.ts'
import type { Wire } from '../base/wire.ts'
import { UpstreamFailure } from './upstream-failure.ts'

/** A failure with its last words, where the wire broke off behind some; else the error as it is. */
export async function withLastWords(wire: Wire, error: unknown): Promise<unknown> {
  if (!(error instanceof MailwicketError) || error.code !== 'WIRE_CLOSED' || !wire.hasUnread) return error
  const text = (await wire.readSome()).toString('latin1')
  // It did not end its line, but it was about to say why it goes.
  const isWord = /^\* BYE|^[45]\d\d[ -]/i.test(text)
  return new UpstreamFailure(isWord ? 'says-unavailable' : 'closed', `it closed the connection after: ${text}`, error)
}
