/**
 * Who may try to sign in, and how fast wrong answers come: like mail logins, in the same counts of address blocks, with counts of accounts beside them.
 *
 * Invariants: nothing here depends on whether there is such an account; a block or an account over its limit is refused before anything is checked,
 * except where that person is signed in from the same block: guessers elsewhere do not lock anybody out who is there.
 */
import { blockOf, isInNetworks, type Network } from '../../base/network.ts'
import type { Secret } from '../../base/secret.ts'
import { SecretFingerprints } from '../../store/limits/secret-fingerprint.ts'
import { delayFactorOf, restrictionOf } from '../../store/schema/failure-limits.ts'
import type { Count, CountedSubject, SignInAttempts } from '../../store/sign-in/sign-in-attempts.ts'

/** `first`: password, passkey or link. `second`: a code, after a right password. */
export type Step = 'first' | 'second'

export interface Attempt {
  readonly block: string
  /** Where a wrong secret is counted. */
  readonly countedIn: readonly CountedSubject[]
  /** How long nothing is checked any more; undefined: it may be tried. */
  readonly retryAfterSeconds: number | undefined
}

/** Wrong answers leave at the end of a unit of this, counted from the request: argon2 and its queue hide in it. */
export const ANSWER_UNIT_MS = 500
/** Subjects whose wrong secrets are told apart; those that were added first give way. */
const REMEMBERED_SUBJECTS = 10_000
const REMEMBERED_SECRETS = 100

export class SignInLimiter {
  readonly #attempts: Pick<SignInAttempts, 'counts' | 'add' | 'isRecognised'>
  readonly #trusted: () => readonly Network[]
  readonly #now: () => number
  readonly #fingerprints: SecretFingerprints
  /** What was wrong before: an open page that sends the same again has made one mistake. */
  readonly #seen = new Map<string, Set<number>>()

  constructor({ attempts, trusted, now, fingerprints = new SecretFingerprints() }: SignInLimiterParts) {
    this.#attempts = attempts
    this.#trusted = trusted
    this.#now = now
    this.#fingerprints = fingerprints
  }

  /** `account`: a login as it is stored; undefined: none was named, or it can be nobody's. Throws STORE_UNAVAILABLE. */
  async admit(ip: string, account: string | undefined, step: Step = 'first'): Promise<Attempt> {
    const block = blockOf(ip)
    const isTrusted = isInNetworks(ip, this.#trusted())
    const ofBlock: CountedSubject[] = isTrusted ? [] : [{ kind: 'block', subject: block }]
    const ofAccount: CountedSubject[] = account === undefined ? [] : [{ kind: step === 'second' ? 'second' : 'account', subject: account }]
    const countedIn = [...ofBlock, ...ofAccount]
    if (countedIn.length === 0) return { block, countedIn, retryAfterSeconds: undefined }
    const closedUntil = closedUntilOf(countedIn, await this.#attempts.counts(countedIn))
    if (closedUntil === undefined) return { block, countedIn, retryAfterSeconds: undefined }
    if (step === 'first' && account !== undefined && (await this.#attempts.isRecognised(account, block))) {
      const own: CountedSubject[] = [{ kind: 'own-account', subject: `${block} ${account}` }]
      return { block, countedIn: own, retryAfterSeconds: this.#secondsUntil(closedUntilOf(own, await this.#attempts.counts(own))) }
    }
    return { block, countedIn, retryAfterSeconds: this.#secondsUntil(closedUntil) }
  }

  /**
   * Counts a wrong secret; gives how much longer than others its answer waits. `login`: whose it was said to be, '' when nobody was named.
   * SECURITY: one password tried on many logins is many guesses, as at the mail ports. Throws STORE_UNAVAILABLE.
   */
  async wrong({ countedIn }: Attempt, secret: Secret, login = ''): Promise<number> {
    const fingerprint = this.#fingerprints.fingerprintOf(login, secret)
    const fresh = countedIn.filter(({ kind, subject }) => this.#remember(`${kind} ${subject}`, fingerprint))
    if (fresh.length > 0) await this.#attempts.add(fresh)
    if (countedIn.length === 0) return 0
    const counts = await this.#attempts.counts(countedIn)
    return Math.max(...countedIn.map(({ kind }, at) => ANSWER_UNIT_MS * delayFactorOf(kind, counts[at]?.count ?? 0)))
  }

  /** How long an answer that says no has yet to wait. */
  waitOf(receivedAt: number, delayMs: number): number {
    const passed = Math.max(0, this.#now() - receivedAt)
    return Math.ceil((passed + 1) / ANSWER_UNIT_MS) * ANSWER_UNIT_MS - passed + delayMs
  }

  #secondsUntil(until: number | undefined): number | undefined {
    return until === undefined ? undefined : Math.max(1, Math.ceil((until - this.#now()) / 1000))
  }

  /** Whether it is new. */
  #remember(key: string, fingerprint: number): boolean {
    const known = this.#seen.get(key) ?? new Set()
    if (known.has(fingerprint)) return false
    if (known.size < REMEMBERED_SECRETS) known.add(fingerprint)
    if (!this.#seen.has(key) && this.#seen.size >= REMEMBERED_SUBJECTS)
      for (const oldest of this.#seen.keys()) {
        this.#seen.delete(oldest)
        break
      }
    this.#seen.set(key, known)
    return true
  }
}

export interface SignInLimiterParts {
  readonly attempts: Pick<SignInAttempts, 'counts' | 'add' | 'isRecognised'>
  /** Networks that are never limited as address blocks. */
  readonly trusted: () => readonly Network[]
  readonly now: () => number
  readonly fingerprints?: SecretFingerprints
}

function closedUntilOf(subjects: readonly CountedSubject[], counts: readonly Count[]): number | undefined {
  const ends = subjects.flatMap(({ kind }, at) => {
    const { count, endsAt } = counts[at] ?? { count: 0, endsAt: 0 }
    return restrictionOf(kind, count) === 'refused' ? [endsAt] : []
  })
  return ends.length === 0 ? undefined : Math.max(...ends)
}
