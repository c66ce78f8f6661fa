/**
 * How a login ended, in one word: `ok`, why it was refused, or what failed. The word is the same in log, activity and metrics.
 */
import { type ErrorCode, MailwicketError } from '../../base/errors.ts'
import { UpstreamFailure, type UpstreamFailureReason } from '../../upstream/upstream-failure.ts'
import type { EndReason } from './live-sessions.ts'
import type { Refusal } from './refusal.ts'

type Dashed<Code extends string> = Code extends `${infer Head}_${infer Rest}` ? `${Lowercase<Head>}-${Dashed<Rest>}` : Lowercase<Code>

/** What failed, or why nobody waits for the answer any more. */
export type LoginFailure = EndReason | `upstream-${UpstreamFailureReason}` | 'client-left' | 'bug' | Dashed<ErrorCode>
export type LoginResult = 'ok' | Refusal | LoginFailure

/** The session was ended from outside while it logged in. */
export class Ended extends Error {
  readonly why: EndReason
  constructor(why: EndReason) {
    super(why)
    this.why = why
  }
}

/** The word for what a login threw. */
export function failureOf(error: unknown): LoginFailure {
  if (error instanceof Ended) return error.why
  if (error instanceof UpstreamFailure) return `upstream-${error.reason}`
  if (!(error instanceof MailwicketError)) return 'bug'
  return error.kind === 'client' ? 'client-left' : (error.code.toLowerCase().replaceAll('_', '-') as Dashed<ErrorCode>)
}
