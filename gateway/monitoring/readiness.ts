/**
 * Whether this node can serve logins at this moment, and if not, why: for /readyz, and thus for balancers.
 *
 * It looks at what is known already and asks nobody, so it may be asked as often as one likes. An upstream that is down is no reason:
 * every other node has the same upstream, and an app that hears "try again later" keeps its password (docs/monitoring.md).
 */
import type { Certificates } from '../../certs/certificates.ts'
import type { PasswordHasher } from '../../store/passwords/password-hash.ts'
import { LIMITS } from '../limits.ts'
import type { Revocation } from '../sessions/revocation.ts'
import type { Warning } from './store-health.ts'

export const NOT_READY = ['starting', 'draining', 'store-unreadable', 'generation-stale', 'no-valid-certificate', 'hash-queue-full'] as const
export type NotReady = (typeof NOT_READY)[number]

/** As /readyz tells it. */
export interface Health {
  /** Empty: ready. */
  readonly notReady: readonly NotReady[]
  /** No reason to refuse logins. */
  readonly warnings: readonly Warning[]
  /** When records could last not be written, milliseconds since 1970. */
  readonly lastFailureAt: number | undefined
}

export interface ReadinessParts {
  readonly revocation: Pick<Revocation, 'isFailing' | 'ageMs'>
  readonly certificates: Pick<Certificates, 'list'>
  readonly hasher: Pick<PasswordHasher, 'isFull'>
  /** `store.outage_grace`: for so long some logins go on without the store. */
  readonly graceMs?: number | undefined
}

export class Readiness {
  readonly #parts: ReadinessParts
  #phase: 'starting' | 'serving' | 'draining' = 'starting'

  constructor(parts: ReadinessParts) {
    this.#parts = parts
  }

  /** Every listener is bound. */
  serving(): void {
    if (this.#phase === 'starting') this.#phase = 'serving'
  }

  /** The node is going away: for good, whatever is called afterwards. */
  draining(): void {
    this.#phase = 'draining'
  }

  /** Empty when the node is ready. */
  notReady(): NotReady[] {
    const { revocation, certificates, hasher, graceMs = 0 } = this.#parts
    const reasons: NotReady[] = this.#phase === 'serving' ? [] : [this.#phase]
    if (revocation.isFailing && revocation.ageMs > graceMs) reasons.push('store-unreadable')
    // SECURITY: a node that does not hear of revocations must not get new sessions, unless somebody chose that it may for a while.
    if (revocation.ageMs > Math.max(LIMITS.generationFreshMs, graceMs)) reasons.push('generation-stale')
    if (!certificates.list().some(isValidNow)) reasons.push('no-valid-certificate')
    if (hasher.isFull) reasons.push('hash-queue-full')
    return reasons
  }
}

function isValidNow({ notBefore, notAfter }: { notBefore: Date; notAfter: Date }): boolean {
  const now = Date.now()
  return notBefore.getTime() <= now && now <= notAfter.getTime()
}
