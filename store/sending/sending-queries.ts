/**
 * What the gateway reads about sending on its read-only connection: the rules that hold for a device, and the keywords of upstreams.
 */
import { type Kysely, sql } from 'kysely'
import type { DeviceId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import { type Param, prepareQuery } from '../schema/prepared-query.ts'
import type { Schema, SendingSubjectKind } from '../schema/schema.ts'
import { dayOf, hidden, joinRules, type SendingTerms, toSending } from './sending-rows.ts'

/** For the gateway: compiled once. */
export class SendingQueries {
  readonly #db: Kysely<Schema>
  readonly #terms
  readonly #own
  readonly #keywords

  constructor(db: Kysely<Schema>) {
    this.#db = db
    this.#terms = prepareQuery((param: Param<{ device: DeviceId; day: number }>) => selectTerms(db, param))
    this.#own = prepareQuery((param: Param<{ device: DeviceId }>) => selectOwn(db, param))
    this.#keywords = prepareQuery(() => db.selectFrom('upstream_keywords').select(['upstream', 'keywords']))
  }

  /** Throws NOT_FOUND when the device is gone. */
  async readSendingTerms(device: DeviceId, now: number): Promise<SendingTerms> {
    const { rows } = await this.#db.executeQuery(this.#terms({ device, day: dayOf(now) }))
    if (rows.length === 0) throw new Problem('device.unknown', { ref: device })
    const rules = rows.map(({ kind, id, granted, ...row }) => {
      const sending = toSending(row)
      return { of: kind, subject: `${kind}:${id}`, ...sending, maySend: sending.maySend && granted !== 0 }
    })
    const saysOwn = rules.some(({ senders }) => senders?.includes('own') === true)
    return { device, rules, own: saysOwn ? await this.#readOwn(device) : [] }
  }

  async #readOwn(device: DeviceId): Promise<string[]> {
    const { rows } = await this.#db.executeQuery(this.#own({ device }))
    return rows.map(({ address }) => address)
  }

  async readUpstreamKeywords(): Promise<Map<string, ReadonlyMap<string, string>>> {
    const { rows } = await this.#db.executeQuery(this.#keywords({}))
    return new Map(rows.map(({ upstream, keywords }) => [upstream, new Map(JSON.parse(keywords) as [string, string][])]))
  }
}

function selectTerms(db: Kysely<Schema>, param: Param<{ device: DeviceId; day: number }>) {
  const subject = (kind: SendingSubjectKind, column: 'mailbox_id' | 'user_id' | 'id') =>
    db
      .selectFrom('devices')
      .select([sql<SendingSubjectKind>`${sql.lit(kind)}`.as('kind'), sql<string>`${sql.ref(column)}`.as('id')])
      .where('id', '=', hidden(param('device')))
  const subjects = subject('mailbox', 'mailbox_id')
    .unionAll(subject('user', 'user_id').where('user_id', 'is not', null))
    .unionAll(subject('device', 'id'))
  return joinRules(subjects, db, param('day')).select(row =>
    // Of the person at this very mailbox; null: nothing was said, so nothing is refused.
    row
      .selectFrom('rights')
      .innerJoin('devices', 'devices.mailbox_id', 'rights.mailbox_id')
      .select('rights.may_send')
      .where('devices.id', '=', hidden(param('device')))
      .whereRef('rights.user_id', '=', 'devices.user_id')
      .where('subject.kind', '=', 'user')
      .as('granted'),
  )
}

function selectOwn(db: Kysely<Schema>, param: Param<{ device: DeviceId }>) {
  const mailbox = db
    .selectFrom('devices')
    .select('mailbox_id')
    .where('id', '=', hidden(param('device')))
  return db
    .selectFrom('mailboxes')
    .select('address')
    .where('id', '=', mailbox)
    .unionAll(db.selectFrom('aliases').select('address').where('mailbox_id', '=', mailbox))
}
