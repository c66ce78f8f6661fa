/**
 * Sending rules, counts and the keywords of upstreams, as they are read: for a person, and for the gateway on its read-only connection.
 * And forgetting them with their subject, which no foreign key does: it may be in any of three tables.
 */
import { type Kysely, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import type { DeviceId, MailboxId, UserId } from '../../base/ids.ts'
import type { Sending, SendingTerms } from '../accounts/sending-rules.ts'
import { splitList } from '../schema/list-column.ts'
import { type Param, prepareQuery } from '../schema/prepared-query.ts'
import type { Schema, SendingSubjectKind } from '../schema/schema.ts'

const DAY_MS = 86_400_000
const TABLES = { mailbox: 'mailboxes', user: 'users', device: 'devices' } as const satisfies Record<SendingSubjectKind, keyof Schema>

/** The day that a moment belongs to: days since 1970, UTC. */
export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS)
}

/** The rules of all subjects of a kind, each with what it sent today; `subject.id` chooses. */
export function selectSending(db: Kysely<Schema>, kind: SendingSubjectKind, now: number) {
  return joinRules(db.selectFrom(TABLES[kind]).select([sql<SendingSubjectKind>`${sql.lit(kind)}`.as('kind'), sql<string>`id`.as('id')]), db, dayOf(now))
}

interface Subject {
  readonly kind: SendingSubjectKind
  readonly id: string | null
}

function joinRules(
  // biome-ignore lint/suspicious/noExplicitAny: whichever tables the subjects come from
  subjects: SelectQueryBuilder<Schema, any, Subject>,
  db: Kysely<Schema>,
  day: number | RawBuilder<number>,
) {
  return db
    .selectFrom(subjects.as('subject'))
    .leftJoin('sending_rules', join => join.onRef('sending_rules.subject_kind', '=', 'subject.kind').onRef('sending_rules.subject_id', '=', 'subject.id'))
    .leftJoin('sent_counts', join =>
      join.onRef('sent_counts.subject_kind', '=', 'subject.kind').onRef('sent_counts.subject_id', '=', 'subject.id').on('sent_counts.day', '=', hidden(day)),
    )
    .select(['subject.kind', 'subject.id', 'sending_rules.may_send', 'sending_rules.senders', 'sending_rules.checks_from'])
    .select(['sending_rules.recipients_per_message', 'sending_rules.recipients_per_day', 'sent_counts.recipients'])
}

type SendingRow = Omit<Awaited<ReturnType<ReturnType<typeof joinRules>['execute']>>[number], 'kind' | 'id'>

export function toSending(row: SendingRow): Sending {
  return {
    maySend: row.may_send !== 0,
    senders: row.senders === null ? null : splitList(row.senders),
    checksFrom: row.checks_from === 1,
    recipientsPerMessage: row.recipients_per_message,
    recipientsPerDay: row.recipients_per_day,
    sentToday: Number(row.recipients ?? 0),
  }
}

/** Forgets the rules and counts of subjects that are removed. */
export async function forgetSending(db: Kysely<Schema>, kind: SendingSubjectKind, ids: readonly (MailboxId | UserId | DeviceId)[]): Promise<void> {
  for (const id of ids) {
    await db.deleteFrom('sending_rules').where('subject_kind', '=', kind).where('subject_id', '=', id).execute()
    await db.deleteFrom('sent_counts').where('subject_kind', '=', kind).where('subject_id', '=', id).execute()
  }
}

/** For the gateway: compiled once. */
export class SendingQueries {
  readonly #db: Kysely<Schema>
  readonly #terms
  readonly #keywords

  constructor(db: Kysely<Schema>) {
    this.#db = db
    this.#terms = prepareQuery((param: Param<{ device: DeviceId; day: number }>) => selectTerms(db, param))
    this.#keywords = prepareQuery(() => db.selectFrom('upstream_keywords').select(['upstream', 'keywords']))
  }

  /** Throws NOT_FOUND when the device is gone. */
  async readSendingTerms(device: DeviceId, now: number): Promise<SendingTerms> {
    const { rows } = await this.#db.executeQuery(this.#terms({ device, day: dayOf(now) }))
    if (rows.length === 0) throw new MailwicketError('NOT_FOUND', { message: `there is no device ${device}` })
    return { device, rules: rows.map(row => ({ of: row.kind, subject: `${row.kind}:${row.id}`, ...toSending(row) })) }
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
  return joinRules(subjects, db, param('day'))
}

/** In a query of its own, as in the login: SQLite plans a comparison with a bare parameter anew for every value (10 µs become 65). */
function hidden<Value>(value: Value | RawBuilder<Value>): RawBuilder<Value> {
  return sql<Value>`(select ${value})`
}
