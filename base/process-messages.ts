/**
 * What a supervisor and its processes say to each other over Node's channel. Nothing secret, and no byte of a peer, ever goes this way.
 */
import type { ErrorCode } from './errors.ts'

export type ToProcess = { readonly kind: 'reload' } | { readonly kind: 'stop' }

export type FromProcess =
  /** It serves; `facts` belong into the ready line. */
  | { readonly kind: 'ready'; readonly facts: Readonly<Record<string, unknown>> }
  /** It could not start, and ends. */
  | { readonly kind: 'failed'; readonly code: ErrorCode | undefined; readonly message: string; readonly remedy: string | undefined }
  /** Its loop turns. */
  | { readonly kind: 'alive' }
  /** Of the portal: what it did since it last told. */
  | { readonly kind: 'figures'; readonly figures: PortalFigures }

export const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const
export type StatusClass = (typeof STATUS_CLASSES)[number]

/** `second`: the password was right, and the second step is due. */
export const SIGN_IN_RESULTS = ['signed-in', 'second', 'wrong', 'limited'] as const
export type SignInResult = (typeof SIGN_IN_RESULTS)[number]

/** `failed`: it is tried again. */
export const MAIL_RESULTS = ['sent', 'failed', 'given-up'] as const
export type MailResult = (typeof MAIL_RESULTS)[number]

/** For the metrics, which the gateway's process has: what the portal did since the last ones, and how it is. */
export interface PortalFigures {
  readonly requests: Readonly<Record<StatusClass, number>>
  /** How long they took. */
  readonly seconds: readonly number[]
  readonly signIns: Readonly<Record<SignInResult, number>>
  readonly mails: Readonly<Record<MailResult, number>>
  /** People who are signed in, browser by browser; undefined: not looked at yet. */
  readonly sessions: number | undefined
  /** Mails that wait. */
  readonly mailsWaiting: number | undefined
}

/** How often a process says that it is alive. */
export const HEARTBEAT_MS = 2_000
