/**
 * From how many wrong secrets on attempts are held back (architecture §6). Here, because the gateway decides by them and the command line explains them.
 *
 * Wrong secrets are counted once each: an app that repeats its mistake all day has made one.
 */

/**
 * `mailbox`: an address, whether there is a mailbox of it or not. `own`: attempts on a mailbox from a block that knows it; written as `BLOCK ADDRESS`.
 */
export type FailureKind = 'block' | 'mailbox' | 'own'

/**
 * Of the portal, which counts in `block` too. `account`: a login, whether there is such a person or not. `own-account`: attempts on a login from a block
 * in which that person is signed in; written as `BLOCK LOGIN`. `second`: codes of the second step, after a right password.
 */
export type AccountFailureKind = 'account' | 'own-account' | 'second'

export type CountedKind = FailureKind | AccountFailureKind

export interface FailureLimit {
  /** Count from which wrong answers are delayed, the more the higher it is. */
  readonly delayedFrom: number
  /** Count from which more is refused: see `Restriction`. */
  readonly restrictedFrom: number
  /** From the first wrong secret on. */
  readonly windowMs: number
}

const HOUR_MS = 3_600_000

export const FAILURE_LIMITS: Readonly<Record<CountedKind, FailureLimit>> = {
  // Seven accounts on one computer, each with an old password, stay below; so does an office on the day after a change.
  block: { delayedFrom: 10, restrictedFrom: 100, windowMs: HOUR_MS },
  // NIST SP 800-63B §3.2.2: no more than 100 failed attempts on an account. A day, so that patience does not pay.
  mailbox: { delayedFrom: 20, restrictedFrom: 100, windowMs: 24 * HOUR_MS },
  own: { delayedFrom: 10, restrictedFrom: 100, windowMs: HOUR_MS },
  account: { delayedFrom: 10, restrictedFrom: 100, windowMs: 24 * HOUR_MS },
  'own-account': { delayedFrom: 10, restrictedFrom: 100, windowMs: HOUR_MS },
  // A code is one of a million, and three are right at a time: 50 guesses a day hit once in eighteen years.
  second: { delayedFrom: 5, restrictedFrom: 50, windowMs: 24 * HOUR_MS },
}

/** What a count means: `refused`: nothing is checked any more; `generated-only`: only generated app passwords are checked, which nobody can guess. */
export type Restriction = 'none' | 'delayed' | 'generated-only' | 'refused'

export function restrictionOf(kind: CountedKind, count: number): Restriction {
  const { delayedFrom, restrictedFrom } = FAILURE_LIMITS[kind]
  if (count < delayedFrom) return 'none'
  if (count < restrictedFrom) return 'delayed'
  return kind === 'mailbox' || kind === 'own' ? 'generated-only' : 'refused'
}

/** By how much a wrong answer waits, in units of whoever counts: 0 below the limit, 1 at it, doubled five times on the way to the next. */
export function delayFactorOf(kind: CountedKind, count: number): number {
  const { delayedFrom, restrictedFrom } = FAILURE_LIMITS[kind]
  if (count < delayedFrom) return 0
  const part = Math.min(1, (count - delayedFrom) / (restrictedFrom - delayedFrom))
  return 2 ** Math.min(4, Math.floor(part * 5))
}

/** Counts below this are not worth a row in the store: whoever guesses in earnest soon has more. */
export const SHARED_FROM = 5
/** A block that logged in to a mailbox is known to it for so long. */
export const RECOGNISED_NETWORK_MS = 30 * 24 * HOUR_MS
