/**
 * What the limiter writes: counts of wrong secrets, and the networks that a mailbox recognises. Runs in the store's worker thread where a query would hold up the loop.
 */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { MailboxId } from '../../base/ids.ts'
import type { Backend } from '../schema/backend.ts'
import { type CountedKind, RECOGNISED_NETWORK_MS } from '../schema/failure-limits.ts'
import { type Param, prepareQuery } from '../schema/prepared-query.ts'
import { FAILURE_ROWS_KEPT, PURGE_ROWS, RECOGNISED_NETWORKS_PER_MAILBOX } from '../schema/retention.ts'
import type { Schema } from '../schema/schema.ts'

/** A day's window, and an hour for clocks that differ. */
const LATEST_END_MS = 25 * 3_600_000
/** Steps of one purge: milliseconds each. */
const PURGE_STEPS = 20

/** More distinct wrong secrets of a subject; they are added to what all nodes counted. */
export interface FailureRecord {
  readonly kind: CountedKind
  readonly subject: string
  readonly added: number
  /** All that this node counts: the store's count is not below it, unless it was cleared. */
  readonly total: number
  /** Milliseconds since 1970, UTC; holds until the count starts anew. */
  readonly expiresAt: number
}

/** A device of the mailbox logged in from the block. */
export interface RecognisedNetworkRecord {
  readonly mailbox: MailboxId
  readonly block: string
  readonly at: number
}

export interface FailureRow {
  readonly kind: CountedKind
  readonly subject: string
  readonly count: number
  readonly expiresAt: number
}

interface Added extends FailureRecord {
  readonly revision: number
  readonly now: number
  readonly latestEnd: number
}

export class LimitRecords {
  readonly #backend: Backend

  constructor(backend: Backend) {
    this.#backend = backend
  }

  async record(failures: readonly FailureRecord[], recognisedNetworks: readonly RecognisedNetworkRecord[], now: number): Promise<void> {
    await this.#backend.db.transaction().execute(async db => {
      await this.#backend.serialise(db, 'limits')
      await addFailures(db, failures, now)
      for (const record of recognisedNetworks.toSorted(byKey)) await recordRecognisedNetwork(db, record)
    })
  }
}

export async function addFailures(db: Transaction<Schema>, failures: readonly FailureRecord[], now: number): Promise<void> {
  if (failures.length === 0) return
  const add = prepareQuery((param: Param<Added>) => addFailure(db, param))
  let revision = await newestRevision(db)
  for (const { kind, subject, added, total, expiresAt } of failures.toSorted((a, b) => (a.subject < b.subject ? -1 : 1))) {
    revision += 1
    await db.executeQuery(add({ kind, subject, added, total, expiresAt, revision, now, latestEnd: now + LATEST_END_MS }))
  }
}

function addFailure(db: Kysely<Schema>, param: Param<Added>) {
  return (
    db
      .insertInto('failure_counts')
      // A row that is not there was never written, or purged to make room: nothing that is counted here is lost with it.
      .values({ kind: param('kind'), subject: param('subject'), count: param('total'), expires_at: param('expiresAt'), revision: param('revision') })
      .onConflict(conflict =>
        conflict.columns(['kind', 'subject']).doUpdateSet(({ eb, ref }) => {
          const isCleared = eb('failure_counts.count', '=', 0)
          // A node whose clock was ahead must not hold a row for ever.
          const isOver = eb.or([eb('failure_counts.expires_at', '<=', param('now')), eb('failure_counts.expires_at', '>', param('latestEnd'))])
          const sum = eb('failure_counts.count', '+', param('added'))
          return {
            count: eb
              .case()
              .when(isCleared)
              .then(param('added'))
              .when(isOver)
              .then(param('total'))
              .when(sum, '>', param('total'))
              .then(sum)
              .else(param('total'))
              .end(),
            expires_at: eb
              .case()
              .when(eb.or([isCleared, isOver]))
              .then(ref('excluded.expires_at'))
              .else(ref('failure_counts.expires_at'))
              .end(),
            revision: ref('excluded.revision'),
          }
        }),
      )
  )
}

export async function newestRevision(db: Kysely<Schema>): Promise<number> {
  const newest = await db
    .selectFrom('failure_counts')
    .select(({ fn }) => fn.max('revision').as('revision'))
    .executeTakeFirst()
  return Number(newest?.revision ?? 0)
}

/** Nothing for a mailbox that was removed a moment ago. A new row pushes out the mailbox's oldest. */
async function recordRecognisedNetwork(db: Transaction<Schema>, { mailbox, block, at }: RecognisedNetworkRecord): Promise<void> {
  const known = await db
    .updateTable('known_blocks')
    .set({ last_at: sql`case when last_at > ${at} then last_at else ${at} end` })
    .where('mailbox_id', '=', mailbox)
    .where('block', '=', block)
    .executeTakeFirst()
  if (known.numUpdatedRows > 0n) return
  await db
    .insertInto('known_blocks')
    .columns(['mailbox_id', 'block', 'last_at'])
    .expression(
      db
        .selectFrom('mailboxes')
        .select(['mailboxes.id', sql.val(block).as('block'), sql.val(at).as('last_at')])
        .where('mailboxes.id', '=', mailbox),
    )
    .execute()
  const tooMany = db
    .selectFrom('known_blocks')
    .select('block')
    .where('mailbox_id', '=', mailbox)
    .orderBy('last_at', 'desc')
    .limit(PURGE_ROWS)
    .offset(RECOGNISED_NETWORKS_PER_MAILBOX)
  await db.deleteFrom('known_blocks').where('mailbox_id', '=', mailbox).where('block', 'in', tooMany).execute()
}

/** Forgets what is over, and of what is too much that which ends first. */
export async function purgeLimits(db: Kysely<Schema>, now: number): Promise<void> {
  for (let step = 0; step < PURGE_STEPS; step++) if (!(await purgeFailures(db, now))) break
  const forgotten = db
    .selectFrom('known_blocks')
    .select(['mailbox_id', 'block'])
    .where('last_at', '<', now - RECOGNISED_NETWORK_MS)
    .orderBy('last_at')
    .limit(PURGE_ROWS)
  await db
    .deleteFrom('known_blocks')
    .where(({ eb, refTuple }) => eb(refTuple('mailbox_id', 'block'), 'in', forgotten.$asTuple('mailbox_id', 'block')))
    .execute()
}

/** One step; whether there is more to do. */
async function purgeFailures(db: Kysely<Schema>, now: number): Promise<boolean> {
  const { newest, rows } = await db
    .selectFrom('failure_counts')
    .select(({ fn }) => [fn.max('revision').as('newest'), fn.countAll().as('rows')])
    .executeTakeFirstOrThrow()
  // The newest row stays, whatever its age: it carries the revision that the next change goes on from.
  const others = db.selectFrom('failure_counts').select('revision').where('revision', '<', Number(newest)).orderBy('expires_at').limit(PURGE_ROWS)
  const isTooMuch = Number(rows) > FAILURE_ROWS_KEPT + PURGE_ROWS
  const { numDeletedRows } = await db
    .deleteFrom('failure_counts')
    .where('revision', 'in', isTooMuch ? others : others.where('expires_at', '<', now))
    .executeTakeFirst()
  return numDeletedRows === BigInt(PURGE_ROWS)
}

function byKey(a: RecognisedNetworkRecord, b: RecognisedNetworkRecord): number {
  if (a.mailbox !== b.mailbox) return a.mailbox < b.mailbox ? -1 : 1
  return a.block < b.block ? -1 : 1
}
