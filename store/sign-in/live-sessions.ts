/**
 * Which sessions of the portal are good now, as a query.
 */
import type { Kysely } from 'kysely'
import type { Schema } from '../schema/schema.ts'

const MINUTE_MS = 60_000
export const SESSION_IDLE_MS = 12 * 60 * MINUTE_MS
export const SESSION_AGE_MS = 30 * 24 * 60 * MINUTE_MS
/** The second step is due within so long. */
export const SECOND_STEP_MS = 10 * MINUTE_MS

export function selectLiveSessions(db: Kysely<Schema>, at: number) {
  return db
    .selectFrom('portal_sessions')
    .innerJoin('users', 'users.id', 'portal_sessions.user_id')
    .selectAll('portal_sessions')
    .select(['users.login', 'users.name'])
    .where('users.state', '=', 'active')
    .where('portal_sessions.seen_at', '>', at - SESSION_IDLE_MS)
    .where('portal_sessions.created_at', '>', at - SESSION_AGE_MS)
    .where(({ or, eb }) => or([eb('portal_sessions.stage', '=', 'full'), eb('portal_sessions.created_at', '>', at - SECOND_STEP_MS)]))
}
