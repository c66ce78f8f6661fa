/**
 * Deleting what is kept no longer, in bounded steps: whatever has piled up, a step is milliseconds of work.
 */
import type { Kysely } from 'kysely'
import type { DeviceId, NodeId } from '../../base/ids.ts'
import { purgeLimits } from '../limits/limit-records.ts'
import {
  ACTIVITY_KEPT_MS,
  ACTIVITY_ROWS_PER_DEVICE,
  ACTIVITY_ROWS_WITHOUT_DEVICE,
  FUTURE_MS,
  NODE_FORGOTTEN_MS,
  PURGE_ROWS,
  REVOKED_KEPT_MS,
  SENT_DAYS_KEPT,
} from '../schema/retention.ts'
import type { Schema } from '../schema/schema.ts'
import { dayOf, forgetSending } from '../sending/sending-rows.ts'
import { purgeSignIn } from '../sign-in/purge-sign-in.ts'

/** One step of everything. The next comes a minute later. */
export async function purge(db: Kysely<Schema>, self: NodeId, now: number): Promise<void> {
  const old = db
    .selectFrom('activity')
    .select('id')
    .where('last_at', '<', now - ACTIVITY_KEPT_MS)
    .orderBy('last_at')
    .limit(PURGE_ROWS)
  await db.deleteFrom('activity').where('id', 'in', old).execute()
  await trimActivity(db, '')
  const revoked = await db
    .selectFrom('devices')
    .select('id')
    .where('revoked_at', '<', now - REVOKED_KEPT_MS)
    .orderBy('revoked_at')
    .limit(PURGE_ROWS)
    .execute()
  const ids = revoked.map(({ id }) => id)
  await forgetSending(db, 'device', ids)
  if (ids.length > 0) await db.deleteFrom('devices').where('id', 'in', ids).execute()
  await db
    .deleteFrom('sent_counts')
    .where('day', '<', dayOf(now) - SENT_DAYS_KEPT)
    .execute()
  await purgeLimits(db, now)
  await purgeSignIn(db, now)
  await forgetNodes(db, self, now)
}

/** Leaves a device its newest rows; '' stands for the attempts that no device belongs to. */
export async function trimActivity(db: Kysely<Schema>, device: DeviceId | ''): Promise<void> {
  const kept = device === '' ? ACTIVITY_ROWS_WITHOUT_DEVICE : ACTIVITY_ROWS_PER_DEVICE
  const firstTooMany = db.selectFrom('activity').select('cursor').where('device_id', '=', device).orderBy('cursor', 'desc').limit(1).offset(kept)
  await db.deleteFrom('activity').where('device_id', '=', device).where('cursor', '<=', firstTooMany).execute()
}

/** Removes the sessions that an earlier run of this node left behind. */
export async function forgetSessions(db: Kysely<Schema>, node: NodeId): Promise<void> {
  await db.deleteFrom('sessions').where('node_id', '=', node).execute()
}

/** Removes the rows of other nodes that ended without saying so. */
export async function forgetNodes(db: Kysely<Schema>, self: NodeId, now: number): Promise<void> {
  const silent = db
    .selectFrom('nodes')
    .select('id')
    // In the future: the clock was set back after it ended.
    .where(eb => eb.or([eb('heartbeat_at', '<', now - NODE_FORGOTTEN_MS), eb('heartbeat_at', '>', now + FUTURE_MS)]))
    .where('id', '<>', self)
  await db.deleteFrom('sessions').where('node_id', 'in', silent).execute()
  await db.deleteFrom('nodes').where('id', 'in', silent).execute()
}
