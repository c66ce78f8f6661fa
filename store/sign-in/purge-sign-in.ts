/**
 * Deleting what is over of signing in, invitations, tokens and mail, in bounded steps.
 */
import type { Kysely } from 'kysely'
import { API_TOKEN_KEPT_MS, INVITATION_KEPT_MS, NOTICE_KEPT_MS, PURGE_ROWS } from '../schema/retention.ts'
import type { Schema } from '../schema/schema.ts'
import { SESSION_IDLE_MS } from './live-sessions.ts'

/** One step of everything. */
export async function purgeSignIn(db: Kysely<Schema>, now: number): Promise<void> {
  const sessions = db
    .selectFrom('portal_sessions')
    .select('id')
    .where('seen_at', '<', now - SESSION_IDLE_MS)
    .orderBy('seen_at')
    .limit(PURGE_ROWS)
  await db.deleteFrom('portal_sessions').where('id', 'in', sessions).execute()
  const once = db.selectFrom('once').select('hash').where('ends_at', '<', now).orderBy('ends_at').limit(PURGE_ROWS)
  await db.deleteFrom('once').where('hash', 'in', once).execute()
  const invitations = db
    .selectFrom('invitations')
    .select('id')
    .where('ends_at', '<', now - INVITATION_KEPT_MS)
    .orderBy('ends_at')
    .limit(PURGE_ROWS)
  await db.deleteFrom('invitations').where('id', 'in', invitations).execute()
  // They are few: a person makes each of them.
  await db
    .deleteFrom('api_tokens')
    .where('ends_at', '<', now - API_TOKEN_KEPT_MS)
    .execute()
  const notices = db
    .selectFrom('notices')
    .select('id')
    .where('queued_at', '<', now - NOTICE_KEPT_MS)
    .where('next_try_at', 'is', null)
    .orderBy('queued_at')
    .limit(PURGE_ROWS)
  await db.deleteFrom('notices').where('id', 'in', notices).execute()
}
