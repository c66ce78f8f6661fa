/**
 * Why a relay is over, and the last thing its client hears.
 */
import { MailwicketError } from '../../base/errors.ts'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { REPLIES } from './smtp-replies.ts'

export class RelayEnd extends Error {
  readonly lastReply: string | undefined

  /** `cause`: what went wrong, where it was not simply that somebody left. */
  constructor(why: string, lastReply: string | undefined, cause?: unknown) {
    super(why, cause === undefined ? undefined : { cause })
    this.lastReply = lastReply
  }
}

/** `upstreamLastReply`: set when the error came from the upstream's side; then it is what the client hears. */
export function asEnd(error: unknown, upstreamLastReply?: string): RelayEnd {
  if (error instanceof RelayEnd) return error
  if (error instanceof UpstreamFailure) return new RelayEnd('upstream-broken', REPLIES.upstreamBroken, error)
  if (!(error instanceof MailwicketError)) return new RelayEnd('bug', REPLIES.bug, error)
  if (upstreamLastReply !== undefined) return new RelayEnd('upstream-closed', upstreamLastReply)
  return error.code === 'WIRE_LIMIT' ? new RelayEnd('too-long', `${REPLIES.tooLong}${REPLIES.closing}`) : new RelayEnd('client-closed', undefined)
}
