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
import type { StoreContext } from '../store-context.ts'

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
  async add({ recipient, cause, kind, user, payload }: NewNotice): Promise<boolean> {
    const address = parseAddress(recipient)
    return this.#context.change(async ({ db, at }) => {
      const columns = { kind, user_id: user, payload: JSON.stringify(payload), queued_at: at, attempts: 0, next_try_at: at, sent_at: null, failure: null }
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('notices')
        .values({ id: makeId<NoticeId>(), recipient: address, cause, ...columns })
        .onConflict(conflict =>
          conflict
            .columns(['recipient', 'cause'])
            .doUpdateSet(columns)
            .where('notices.queued_at', '<=', at - DAY_MS),
        )
        .executeTakeFirst()
      return (numInsertedOrUpdatedRows ?? 0n) > 0n
    })
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
    await this.#settle(id, { sent_at: this.#context.now(), next_try_at: null, failure: null })
  }

  /** `nextTryAt` null: given up. */
  async failed(id: NoticeId, { failure, nextTryAt }: { readonly failure: string; readonly nextTryAt: number | null }): Promise<void> {
    await this.#settle(id, { next_try_at: nextTryAt, failure: Array.from(failure).slice(0, MAX_FAILURE_CHARACTERS).join('') })
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

  async #settle(id: NoticeId, columns: Partial<NoticesTable>): Promise<void> {
    await this.#context.change(async ({ db }) => {
      await db.updateTable('notices').set(columns).where('id', '=', id).execute()
    })
  }
}

function toNotice(row: Selectable<NoticesTable>): Notice {
  const { id, recipient, cause, kind, user_id: user, payload, queued_at: queuedAt, attempts } = row
  return { id, recipient, cause, kind, user, payload: JSON.parse(payload) as NoticeFacts, queuedAt, attempts: attempts + 1 }
}
