/**
 * Sending rules and counts as rows: their shapes, the query that joins the rules of a subject with what it sent today, and forgetting them with
 * their subject, which no foreign key does: it may be in any of three tables.
 */
import { type Kysely, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import type { DeviceId, MailboxId, UserId } from '../../base/ids.ts'
import { splitList } from '../schema/list-column.ts'
import type { Schema, SendingSubjectKind } from '../schema/schema.ts'

const DAY_MS = 86_400_000
const TABLES = { mailbox: 'mailboxes', user: 'users', device: 'devices' } as const satisfies Record<SendingSubjectKind, keyof Schema>

/** One subject's rule; what is left open (null) restricts nothing. */
export interface SendingRule {
  readonly maySend: boolean
  /** Addresses, `*@domain` patterns or `own` (the mailbox's address and its aliases); null: any. Normalised. */
  readonly senders: readonly string[] | null
  /** Check the message's From header too, not only MAIL FROM. */
  readonly checksFrom: boolean
  readonly recipientsPerMessage: number | null
  readonly recipientsPerDay: number | null
}

/** What holds for one device: the rules of its mailbox, its user and itself, and what was sent today (UTC). */
export interface SendingTerms {
  readonly device: DeviceId
  /** What `own` stands for: the mailbox's address and its aliases; read where a rule says `own`. */
  readonly own: readonly string[]
  /** `mailbox`, `user` (only where one is linked), `device`. */
  readonly rules: readonly (SendingRule & {
    readonly of: SendingSubjectKind
    /** Names the mailbox, user or device among all. */
    readonly subject: string
    readonly sentToday: number
  })[]
}

/** A rule as a person looks at it. */
export interface Sending extends SendingRule {
  /** Recipients of today (UTC), of all devices that the subject stands for. */
  readonly sentToday: number
}

/** The upstream accepted a message of this device for so many recipients. */
export interface SentRecord {
  readonly device: DeviceId
  readonly recipients: number
  /** Milliseconds since 1970, UTC: decides the day that it counts for. */
  readonly at: number
}

/** What an upstream's submission server offered in its EHLO reply after TLS: keyword in capitals → its parameters, '' for none. */
export interface KeywordsRecord {
  readonly upstream: string
  readonly keywords: ReadonlyMap<string, string>
}

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

export function joinRules(
  // biome-ignore lint/suspicious/noExplicitAny: whichever tables the subjects come from
  subjects: SelectQueryBuilder<Schema, any, Subject>,
  db: Kysely<Schema>,
  day: number | RawBuilder<number>,
) {
  return db
    .selectFrom(subjects.as('subject'))
    .leftJoin('sending_rules', join => join.onRef('sending_rules.subject_kind', '=', 'subject.kind').onRef('sending_rules.subject_id', '=', 'subject.id'))
    .leftJoin('sent_counts', join =>
      join
        .onRef('sent_counts.subject_kind', '=', 'subject.kind')
        .onRef('sent_counts.subject_id', '=', 'subject.id')
        .on('sent_counts.day', '=', hidden(sql<number>`cast(${day} as bigint)`)),
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

/** In a query of its own, as in the login: SQLite plans a comparison with a bare parameter anew for every value (10 µs become 65). A number needs a cast there. */
export function hidden<Value>(value: Value | RawBuilder<Value>): RawBuilder<Value> {
  return sql<Value>`(select ${value})`
}
