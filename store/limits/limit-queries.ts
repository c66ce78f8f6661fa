/**
 * What the limiter reads in the gateway: counts that moved, and whether a block is known. Short queries, compiled once.
 */
import { type Kysely, sql } from 'kysely'
import { mailboxOfAddress } from '../schema/mailbox-of-address.ts'
import { type Param, prepareQuery } from '../schema/prepared-query.ts'
import type { Schema } from '../schema/schema.ts'
import type { FailureRow } from './limit-records.ts'

export class LimitQueries {
  readonly #db: Kysely<Schema>
  readonly #known
  readonly #knownOfAny
  readonly #failures

  constructor(db: Kysely<Schema>) {
    this.#db = db
    this.#known = prepareQuery((param: Param<{ address: string; block: string; after: number }>) =>
      db
        .selectFrom('known_blocks')
        .select('known_blocks.last_at')
        .where('known_blocks.mailbox_id', '=', mailboxOfAddress(param('address')))
        .where('known_blocks.block', '=', param('block'))
        .where('known_blocks.last_at', '>', param('after')),
    )
    this.#knownOfAny = prepareQuery((param: Param<{ block: string; after: number }>) =>
      db.selectFrom('known_blocks').select('last_at').where('block', '=', param('block')).where('last_at', '>', param('after')).limit(sql.lit(1)),
    )
    this.#failures = prepareQuery((param: Param<{ revision: number; limit: number }>) =>
      db
        .selectFrom('failure_counts')
        .select(['kind', 'subject', 'count', 'expires_at as expiresAt', 'revision'])
        .where('revision', '>', param('revision'))
        .orderBy('revision')
        .limit(param('limit')),
    )
  }

  async isRecognisedNetwork(address: string, block: string, after: number): Promise<boolean> {
    const { rows } = await this.#db.executeQuery(this.#known({ address, block, after }))
    return rows.length > 0
  }

  async isRecognisedByAnyMailbox(block: string, after: number): Promise<boolean> {
    const { rows } = await this.#db.executeQuery(this.#knownOfAny({ block, after }))
    return rows.length > 0
  }

  /** SQLite numbers each row anew, so a list that is cut at `limit` goes on with the next call. */
  async readFailures(revision: number, limit: number): Promise<{ rows: readonly FailureRow[]; revision: number }> {
    const { rows } = await this.#db.executeQuery(this.#failures({ revision, limit }))
    return { rows, revision: rows.at(-1)?.revision ?? revision }
  }
}
