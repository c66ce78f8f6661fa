/**
 * What may be done once only: a form that was sent twice, an Idempotency-Key, a challenge that was answered.
 *
 * Invariant: `take` and what it guards are one transaction (`Store.change`), so that of two requests one does it and the other sees its result.
 * SECURITY: a result is where something is shown, never a secret.
 */
import type { StoreContext } from '../store-context.ts'

export interface OnceKey {
  /** Names the form, the key or the challenge among all: a hash or an HMAC of it. */
  readonly hash: string
  /** A fingerprint of what is asked: the same key for something else is a mistake of the client. */
  readonly request?: string | undefined
  readonly lifetimeMs: number
}

/** `fresh`: do it now. `done`: it was done. `other`: the key was used for something else. */
export type Taken = { readonly is: 'fresh' } | { readonly is: 'done'; readonly result: string | null } | { readonly is: 'other' }

export class Once {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** What came of it, before it is taken again; undefined: it was not taken. */
  async find({ hash, request = '' }: OnceKey): Promise<Exclude<Taken, { readonly is: 'fresh' }> | undefined> {
    const { db, now } = this.#context
    const row = await db.selectFrom('once').selectAll().where('hash', '=', hash).executeTakeFirst()
    if (row === undefined || row.ends_at <= now()) return undefined
    return row.request === request ? { is: 'done', result: row.result } : { is: 'other' }
  }

  async take({ hash, request = '', lifetimeMs }: OnceKey): Promise<Taken> {
    return this.#context.change(async ({ db, at }) => {
      const row = await db.selectFrom('once').selectAll().where('hash', '=', hash).executeTakeFirst()
      if (row !== undefined && row.ends_at > at) return row.request === request ? { is: 'done', result: row.result } : { is: 'other' }
      const columns = { request, result: null, ends_at: at + lifetimeMs }
      await db
        .insertInto('once')
        .values({ hash, ...columns })
        .onConflict(conflict => conflict.column('hash').doUpdateSet(columns))
        .execute()
      return { is: 'fresh' }
    })
  }

  /** Says where the result of what was taken is shown. */
  async finish(hash: string, result: string): Promise<void> {
    await this.#context.change(async ({ db }) => {
      await db.updateTable('once').set({ result }).where('hash', '=', hash).execute()
    })
  }
}
