/**
 * Changing the sending rule of a subject within a change that is under way: what a rule may be, and how it is written.
 *
 * Invariant: every change is audited and moves the generation, so that live sessions read again.
 */
import type { Kysely } from 'kysely'
import { parseAddress } from '../../base/address.ts'
import type { DeviceId, MailboxId, UserId } from '../../base/ids.ts'
import { findHostName } from '../../base/network.ts'
import { Problem } from '../../base/problems.ts'
import type { Schema, SendingSubjectKind } from '../schema/schema.ts'
import { type AuditFacts, type Change, changedFacts } from '../store-context.ts'
import { type Sending, type SendingRule, selectSending, toSending } from './sending-rows.ts'

/** What is left out stays. */
export type SendingChanges = { readonly [Name in keyof SendingRule]?: SendingRule[Name] | undefined }

/** A subject that was found. */
export interface FoundSubject {
  readonly kind: SendingSubjectKind
  readonly id: MailboxId | UserId | DeviceId
  /** As the audit calls it. */
  readonly name: string
}

/** More than a person lists; each is looked at for every message. */
const MAX_SENDERS = 100
/** Keeps the sums far from where integers end. */
const MAX_RECIPIENTS = 1_000_000_000

/** Changes the rule of a subject within a change that is under way. Throws BAD_INPUT. */
export async function changeSending(change: Change, subject: FoundSubject, changes: SendingChanges): Promise<void> {
  const before = await readSending(change.db, subject, change.at)
  const after = checkRule({
    maySend: changes.maySend ?? before.maySend,
    senders: changes.senders === undefined ? before.senders : changes.senders,
    checksFrom: changes.checksFrom ?? before.checksFrom,
    recipientsPerMessage: changes.recipientsPerMessage === undefined ? before.recipientsPerMessage : changes.recipientsPerMessage,
    recipientsPerDay: changes.recipientsPerDay === undefined ? before.recipientsPerDay : changes.recipientsPerDay,
  })
  const changed = changedFacts(ruleFacts(before), ruleFacts(after))
  if (changed === undefined) return
  const columns = {
    may_send: Number(after.maySend),
    senders: after.senders?.join(',') ?? null,
    checks_from: Number(after.checksFrom),
    recipients_per_message: after.recipientsPerMessage,
    recipients_per_day: after.recipientsPerDay,
  }
  await change.db
    .insertInto('sending_rules')
    .values({ subject_kind: subject.kind, subject_id: subject.id, ...columns })
    .onConflict(conflict => conflict.columns(['subject_kind', 'subject_id']).doUpdateSet(columns))
    .execute()
  await change.audit({ action: `${subject.kind}.sending`, subject: subject.name, subjectId: subject.id, ...changed })
  await change.moveGeneration()
}

/** Senders in their one spelling: an address, `*@domain`, or `own`. Throws BAD_INPUT. */
export function parseSenders(texts: readonly string[]): readonly string[] {
  const senders = [...new Set(texts.map(parseSender))]
  if (senders.length === 0) throw new Problem('sending.no-senders', {})
  if (senders.length > MAX_SENDERS) throw new Problem('sending.too-many-senders', { max: MAX_SENDERS })
  return senders
}

function parseSender(text: string): string {
  const sender = text.trim()
  if (sender.toLowerCase() === 'own') return 'own'
  if (sender.startsWith('*@')) {
    const domain = findHostName(sender.slice(2))
    if (domain === undefined) throw new Problem('sending.sender-domain', { text: sender })
    return `*@${domain}`
  }
  if (sender.includes('*')) throw new Problem('sending.sender-star', { text: sender })
  if (!sender.includes('@')) throw new Problem('sending.sender-form', { text: sender })
  return parseAddress(sender)
}

function checkRule(rule: SendingRule): SendingRule {
  for (const limit of [rule.recipientsPerMessage, rule.recipientsPerDay]) {
    if (limit !== null && !(Number.isSafeInteger(limit) && limit >= 1 && limit <= MAX_RECIPIENTS)) throw new Problem('sending.recipients', {})
  }
  return { ...rule, senders: rule.senders === null ? null : parseSenders(rule.senders) }
}

function ruleFacts({ maySend, senders, checksFrom, recipientsPerMessage, recipientsPerDay }: SendingRule): AuditFacts {
  return { maySend, senders, checksFrom, recipientsPerMessage, recipientsPerDay }
}

export async function readSending(db: Kysely<Schema>, { kind, id }: FoundSubject, now: number): Promise<Sending> {
  return toSending(await selectSending(db, kind, now).where('subject.id', '=', id).executeTakeFirstOrThrow())
}
