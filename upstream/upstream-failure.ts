/**
 * Everything that can go wrong between us and an upstream before the splice: one list for both protocols.
 * It says how loud the log is, and whether the app is told to try again or to call somebody.
 */

import { MailwicketError } from '../base/errors.ts'
import { sayConnectionError } from './connection-words.ts'

export type FailureReply = 'unavailable' | 'contact-admin'

interface FailureFacts {
  readonly reply: FailureReply
  readonly severity: 'warn' | 'error'
}

const TRY_AGAIN: FailureFacts = { reply: 'unavailable', severity: 'warn' }
/** Somebody must act at the upstream or in our configuration: every login will fail until then. */
const ACT: FailureFacts = { reply: 'contact-admin', severity: 'error' }

export const UPSTREAM_FAILURES = {
  unreachable: TRY_AGAIN,
  timeout: TRY_AGAIN,
  closed: TRY_AGAIN,
  'says-unavailable': TRY_AGAIN,
  /** Too many of us wait for it already. */
  busy: TRY_AGAIN,
  /** The certificate is not trusted or does not fit the name, or there is no TLS at all. */
  'tls-failed': { reply: 'unavailable', severity: 'error' },
  /** Not the protocol, or more of it than our limits allow. */
  'not-the-protocol': { reply: 'unavailable', severity: 'error' },
  /** Bytes before the TLS handshake, an answer before the question: somebody sits in between (CVE-2011-0411 and its kin). */
  'spoke-out-of-turn': { reply: 'unavailable', severity: 'error' },
  preauth: { reply: 'unavailable', severity: 'error' },
  /** `forward_client = "proxy"`, and what answers there does not seem to expect a PROXY header, or not from us. */
  'proxy-refused': { reply: 'unavailable', severity: 'error' },
  'starttls-refused': { reply: 'unavailable', severity: 'error' },
  /** It refused what we logged in with. */
  'refused-us': ACT,
  /** It offers XCLIENT, but not to us. */
  'refused-xclient': ACT,
  'no-mechanism': ACT,
  'offers-unauthenticate': ACT,
  'not-configured': ACT,
  'secret-missing': ACT,
} as const satisfies Record<string, FailureFacts>

export type UpstreamFailureReason = keyof typeof UPSTREAM_FAILURES

export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure'
  readonly reason: UpstreamFailureReason
  /** For the log: our words, or the upstream's, cut and without control characters. */
  readonly detail: string

  constructor(reason: UpstreamFailureReason, detail: string, cause?: unknown) {
    super(`upstream: ${reason}`, cause === undefined ? undefined : { cause })
    this.reason = reason
    this.detail = sanitise(detail)
  }

  get reply(): FailureReply {
    return UPSTREAM_FAILURES[this.reason].reply
  }

  get severity(): 'warn' | 'error' {
    return UPSTREAM_FAILURES[this.reason].severity
  }
}

/** The time of a login is over. */
export function isDeadline(error: unknown): boolean {
  return error instanceof UpstreamFailure && error.reason === 'timeout'
}

/** What went wrong on the wire to an upstream, as a failure of it; whatever else it was, and whatever the aborted signal carries, stays as it is. */
export function asUpstreamFailure(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || !(error instanceof MailwicketError)) return error
  const detail = error.cause instanceof Error ? sayConnectionError(error.cause) : error.message
  return new UpstreamFailure(error.code === 'WIRE_LIMIT' ? 'not-the-protocol' : 'closed', detail, error.cause ?? error)
}

/** How an upstream takes a PROXY header that it does not expect: it leaves, says nothing, or answers something that nobody asked. */
const REFUSES_PROXY: ReadonlySet<UpstreamFailureReason> = new Set(['closed', 'timeout', 'not-the-protocol', 'spoke-out-of-turn'])

/** A failure before the upstream's first good answer, where a PROXY header had gone ahead. */
export function asProxyRefused(error: unknown): unknown {
  if (!(error instanceof UpstreamFailure) || !REFUSES_PROXY.has(error.reason)) return error
  return new UpstreamFailure('proxy-refused', `${error.reason} after our PROXY header: ${error.detail}`, error)
}

/** SECURITY: an upstream's words go to terminals and log parsers: one line, printable, 200 characters. */
export function sanitise(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
