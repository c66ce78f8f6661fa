/**
 * Why a relay is over, and the last thing its client hears.
 */
import { MailwicketError } from '../../base/errors.ts'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { REPLIES } from './smtp-replies.ts'

/** `commands`: between messages. `data`: DATA has gone out; open once the upstream wants the message. `final`: the dot has gone out too. */
export type RelayPhase =
  | { readonly name: 'commands' }
  | { readonly name: 'data'; readonly isOpen: boolean }
  | { readonly name: 'final'; readonly bytes: number }

export class RelayEnd extends Error {
  readonly lastReply: string | undefined

  /** `cause`: what went wrong, where it was not simply that somebody left. */
  constructor(why: string, lastReply: string | undefined, cause?: unknown) {
    super(why, cause === undefined ? undefined : { cause })
    this.lastReply = lastReply
  }
}

/** By what was thrown while the client was served. */
export function endOfClient(error: unknown): RelayEnd {
  if (error instanceof RelayEnd) return error
  if (error instanceof UpstreamFailure) return new RelayEnd('upstream-broken', REPLIES.upstreamBroken, error)
  if (!(error instanceof MailwicketError)) return new RelayEnd('bug', REPLIES.bug, error)
  return error.code === 'WIRE_LIMIT' ? new RelayEnd('too-long', `${REPLIES.tooLong}${REPLIES.closing}`) : new RelayEnd('client-closed', undefined)
}

/** By what was thrown while replies were read: after the final dot nobody can say that the message was not accepted. */
export function endOfUpstream(error: unknown, phase: RelayPhase): RelayEnd {
  if (error instanceof RelayEnd) return error
  const isGone = error instanceof MailwicketError
  if (!isGone && phase.name !== 'final') return endOfClient(error)
  if (phase.name === 'commands') return new RelayEnd('upstream-closed', REPLIES.upstreamClosed)
  const reply = phase.name === 'final' ? REPLIES.uncertain : REPLIES.upstreamGone
  // What is uncertain has a line of the log of its own.
  const cause = !isGone ? error : phase.name === 'data' ? new UpstreamFailure('closed', 'in the middle of a message') : undefined
  return new RelayEnd(isGone ? 'upstream-closed' : 'upstream-broken', `${reply}${REPLIES.closing}`, cause)
}
