/**
 * Wrong passwords and codes of the portal, counted in the store itself: its processes see each other's counts at once, and gateways those of a block
 * within a second. Attempts there are few and slow beside those of mail, so none is kept in memory.
 */
import { blockOf } from '../../base/network.ts'
import { addFailures } from '../limits/limit-records.ts'
import { type CountedKind, FAILURE_LIMITS } from '../schema/failure-limits.ts'
import type { StoreContext } from '../store-context.ts'
import { selectLiveSessions } from './live-sessions.ts'

export interface CountedSubject {
  readonly kind: CountedKind
  readonly subject: string
}

export interface Count {
  readonly count: number
  /** Milliseconds since 1970, UTC: then it starts anew. */
  readonly endsAt: number
}

const NONE: Count = { count: 0, endsAt: 0 }

export class SignInAttempts {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** In the order of the subjects. */
  async counts(subjects: readonly CountedSubject[]): Promise<Count[]> {
    const { db, now } = this.#context
    const rows = await db
      .selectFrom('failure_counts')
      .select(['kind', 'subject', 'count', 'expires_at'])
      .where('expires_at', '>', now())
      .where(({ or, and, eb }) => or(subjects.map(({ kind, subject }) => and([eb('kind', '=', kind), eb('subject', '=', subject)]))))
      .execute()
    return subjects.map(({ kind, subject }) => {
      const row = rows.find(one => one.kind === kind && one.subject === subject)
      return row === undefined ? NONE : { count: row.count, endsAt: row.expires_at }
    })
  }

  /** One more wrong secret for each. */
  async add(subjects: readonly CountedSubject[]): Promise<void> {
    await this.#context.change(({ db, at }) =>
      addFailures(
        db,
        subjects.map(({ kind, subject }) => ({ kind, subject, added: 1, total: 1, expiresAt: at + FAILURE_LIMITS[kind].windowMs })),
        at,
      ),
    )
  }

  /** Whether the person of this login is signed in from the block in some browser. `login` is normalised. */
  async isRecognised(login: string, block: string): Promise<boolean> {
    const { db, now } = this.#context
    const rows = await selectLiveSessions(db, now()).where('users.login', '=', login).where('portal_sessions.stage', '=', 'full').execute()
    return rows.some(({ ip }) => blockOf(ip) === block)
  }
}
