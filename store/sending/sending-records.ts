/**
 * What the gateway writes about sending: recipients per day, and the keywords of its upstreams. Part of a batch (`gateway-records.ts`).
 *
 * Invariant: rows are written in the order of their keys, so that two nodes never wait for each other in a circle.
 */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { DeviceId } from '../../base/ids.ts'
import { type Param, prepareQuery } from '../schema/prepared-query.ts'
import type { Schema, SentCountsTable } from '../schema/schema.ts'
import type { KeywordsRecord, SentRecord } from './sending-rows.ts'
import { dayOf } from './sending-rows.ts'

export class SendingRecords {
  readonly #queries

  constructor(db: Kysely<Schema>) {
    this.#queries = {
      subjects: prepareQuery((param: Param<{ device: DeviceId }>) =>
        db.selectFrom('devices').select(['id', 'mailbox_id', 'user_id']).where('id', '=', param('device')),
      ),
      count: prepareQuery((param: Param<SentCountsTable>) => addCount(db, param)),
      keywords: prepareQuery((param: Param<{ upstream: string; keywords: string; at: number }>) =>
        db
          .insertInto('upstream_keywords')
          .values({ upstream: param('upstream'), keywords: param('keywords'), learnt_at: param('at') })
          .onConflict(conflict => conflict.column('upstream').doUpdateSet({ keywords: param('keywords'), learnt_at: param('at') })),
      ),
    }
  }

  async recordSent(db: Transaction<Schema>, records: readonly SentRecord[]): Promise<void> {
    const counts = new Map<string, SentCountsTable>()
    const add = (count: SentCountsTable): void => {
      const key = `${count.subject_kind} ${count.subject_id} ${count.day}`
      counts.set(key, { ...count, recipients: count.recipients + (counts.get(key)?.recipients ?? 0) })
    }
    for (const { device, day, recipients } of sumByDevice(records)) {
      const { rows } = await db.executeQuery(this.#queries.subjects({ device }))
      // None: the device was removed a moment ago, and nobody is left to count for.
      for (const { id, mailbox_id: mailbox, user_id: user } of rows) {
        add({ subject_kind: 'device', subject_id: id, day, recipients })
        add({ subject_kind: 'mailbox', subject_id: mailbox, day, recipients })
        if (user !== null) add({ subject_kind: 'user', subject_id: user, day, recipients })
      }
    }
    for (const [, count] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) await db.executeQuery(this.#queries.count(count))
  }

  async recordKeywords(db: Transaction<Schema>, records: readonly KeywordsRecord[], at: number): Promise<void> {
    const latest = new Map(records.map(({ upstream, keywords }) => [upstream, keywords]))
    for (const [upstream, keywords] of [...latest].sort(([a], [b]) => (a < b ? -1 : 1)))
      await db.executeQuery(this.#queries.keywords({ upstream, keywords: JSON.stringify([...keywords]), at }))
  }
}

function sumByDevice(records: readonly SentRecord[]): { device: DeviceId; day: number; recipients: number }[] {
  const sums = new Map<string, { device: DeviceId; day: number; recipients: number }>()
  for (const { device, recipients, at } of records) {
    const key = `${device} ${dayOf(at)}`
    sums.set(key, { device, day: dayOf(at), recipients: recipients + (sums.get(key)?.recipients ?? 0) })
  }
  return [...sums.values()]
}

function addCount(db: Kysely<Schema>, param: Param<SentCountsTable>) {
  return db
    .insertInto('sent_counts')
    .values({ subject_kind: param('subject_kind'), subject_id: param('subject_id'), day: param('day'), recipients: param('recipients') })
    .onConflict(conflict =>
      conflict
        .columns(['subject_kind', 'subject_id', 'day'])
        .doUpdateSet({ recipients: sql<number>`${sql.ref('sent_counts.recipients')} + ${sql.ref('excluded.recipients')}` }),
    )
}
