/**
 * Mail that waits to be sent to people: kept until the submission server took it, so that a server that is down loses none.
 *
 * Invariants: a recipient gets one mail a day at most for the same cause; of several senders one has a mail at a time. SECURITY: no secret is in
 * the queue; the link of an invitation is made when its mail is sent.
 */
import type { Selectable } from 'kysely'
import { parseAddress } from '../../base/address.ts'
import { makeId, type NoticeId, type UserId } from '../../base/ids.ts'
import type { NoticesTable } from '../schema/portal-schema.ts'
import type { Change, StoreContext } from '../store-context.ts'

const DAY_MS = 86_400_000
/** Longer than a server takes to accept a mail: then the sender has died, and another tries. */
const CLAIM_MS = 5 * 60_000
const MAX_FAILURE_CHARACTERS = 500

export type NoticeFacts = Readonly<Record<string, string | number | boolean | null>>

export interface NewNotice {
  readonly recipient: string
  /** What one mail a day is for: the same words for the same thing, as `new-network 2001:db8::/64 DEVICE`. */
  readonly cause: string
  readonly kind: string
  /** Whose language and time zone it is written in; null: nobody's here. */
  readonly user: UserId | null
  readonly payload: NoticeFacts
}

export interface Notice extends NewNotice {
  readonly id: NoticeId
  readonly queuedAt: number
  /** With this one. */
  readonly attempts: number
}

export class NoticeQueue {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Whether it was put into the queue; false: there was one for the same cause within a day. */
  add(notice: NewNotice): Promise<boolean> {
    return this.#context.change(change => queueNotice(change, notice))
  }

  /** Those that are due, oldest first; nobody else gets them for five minutes. */
  async claim(limit: number): Promise<Notice[]> {
    return this.#context.change(async ({ db, at }) => {
      const rows = await db.selectFrom('notices').selectAll().where('next_try_at', '<=', at).orderBy('next_try_at').orderBy('id').limit(limit).execute()
      for (const { id, attempts } of rows)
        await db
          .updateTable('notices')
          .set({ attempts: attempts + 1, next_try_at: at + CLAIM_MS })
          .where('id', '=', id)
          .execute()
      return rows.map(toNotice)
    })
  }

  async sent(id: NoticeId): Promise<void> {
    await this.#context.change(async ({ db, at }) => {
      await db.updateTable('notices').set({ sent_at: at, next_try_at: null, failure: null }).where('id', '=', id).execute()
    })
  }

  /** `nextTryAt` null: given up, which the audit records. */
  async failed(id: NoticeId, { failure: text, nextTryAt }: { readonly failure: string; readonly nextTryAt: number | null }): Promise<void> {
    const failure = Array.from(text).slice(0, MAX_FAILURE_CHARACTERS).join('')
    await this.#context.change(async change => {
      const row = await change.db.selectFrom('notices').selectAll().where('id', '=', id).executeTakeFirst()
      if (row === undefined) return
      await change.db.updateTable('notices').set({ next_try_at: nextTryAt, failure }).where('id', '=', id).execute()
      if (nextTryAt !== null) return
      const { recipient, kind, attempts } = row
      await change.audit({ action: 'notice.given-up', subject: recipient, subjectId: id, before: null, after: { kind, attempts, failure } })
    })
  }

  /** There is nothing to say any more. */
  async remove(id: NoticeId): Promise<void> {
    await this.#context.change(async ({ db }) => {
      await db.deleteFrom('notices').where('id', '=', id).execute()
    })
  }

  /** How many wait, and how many were given up within what is kept. */
  async counts(): Promise<{ readonly waiting: number; readonly failed: number }> {
    const rows = await this.#context.db
      .selectFrom('notices')
      .select(({ fn, eb }) => [eb('next_try_at', 'is not', null).as('waits'), fn.countAll<number>().as('n')])
      .where('sent_at', 'is', null)
      .groupBy(eb => eb('next_try_at', 'is not', null))
      .execute()
    const count = (waits: boolean): number => Number(rows.find(row => Boolean(row.waits) === waits)?.n ?? 0)
    return { waiting: count(true), failed: count(false) }
  }
}

/**
 * Within a change that is under way; see `NoticeQueue.add`. `every`: for how long the same cause sends no other mail. Whoever sends the earlier
 * one right now settles that one, not this.
 */
export async function queueNotice(
  { db, at }: Change,
  { recipient, cause, kind, user, payload }: NewNotice,
  { every = DAY_MS }: { readonly every?: number } = {},
): Promise<boolean> {
  const columns = {
    id: makeId<NoticeId>(),
    kind,
    user_id: user,
    payload: JSON.stringify(payload),
    queued_at: at,
    attempts: 0,
    next_try_at: at,
    sent_at: null,
    failure: null,
  }
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('notices')
    .values({ ...columns, recipient: parseAddress(recipient), cause })
    .onConflict(conflict =>
      conflict
        .columns(['recipient', 'cause'])
        .doUpdateSet(columns)
        .where('notices.queued_at', '<=', at - every),
    )
    .executeTakeFirst()
  return (numInsertedOrUpdatedRows ?? 0n) > 0n
}

function toNotice(row: Selectable<NoticesTable>): Notice {
  const { id, recipient, cause, kind, user_id: user, payload, queued_at: queuedAt, attempts } = row
  return { id, recipient, cause, kind, user, payload: JSON.parse(payload) as NoticeFacts, queuedAt, attempts: attempts + 1 }
}
