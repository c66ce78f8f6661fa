/**
 * What happened: activity (logins and refusals as mail apps made them) and audit (who changed what here), as far as somebody may see it.
 */
import type { Activity, ActivityFilter, PagedActivityFilter } from '../../store/history/activity.ts'
import type { AuditEntry, AuditFilter, PagedAuditFilter } from '../../store/history/audit.ts'
import type { Nouns } from '../../store/open-store.ts'
import type { Page } from '../../store/schema/keyset.ts'
import type { Actor } from '../actor.ts'
import { findDevice, findMailbox } from '../find-subject.ts'
import type { ListInput } from '../page-lists.ts'
import { may, type Reach, shareOf } from '../permissions.ts'
import { look, type UseCaseContext } from '../use-case.ts'
import { devicesOf, mailboxesOf } from '../within.ts'

type ActivityAsked = Omit<ActivityFilter, 'within'>
type AuditAsked = Omit<AuditFilter, 'within' | 'orBy'>

/** Oldest change first; `after` is a cursor: only what changed after it. Throws NOT_FOUND. */
export function listActivity(
  context: UseCaseContext,
  actor: Actor,
  filter: ActivityAsked & { readonly after?: number | undefined; readonly limit?: number | undefined } = {},
): Promise<Activity[]> {
  return look(context, actor, async (nouns, reach) => nouns.activity.list({ ...filter, ...(await activityOf(nouns, reach, filter)) }))
}

/** The newest `limit`, oldest change first, in constant memory. Throws NOT_FOUND. */
export async function* readActivity(
  context: UseCaseContext,
  actor: Actor,
  filter: ActivityAsked & { readonly limit?: number | undefined } = {},
): AsyncGenerator<Activity> {
  yield* await look(context, actor, async (nouns, reach) => nouns.activity.newest({ ...filter, ...(await activityOf(nouns, reach, filter)) }))
}

/** Newest change first. Throws NOT_FOUND. */
export function pageActivity(
  context: UseCaseContext,
  actor: Actor,
  { filter = {}, ...input }: ListInput<Omit<PagedActivityFilter, 'within'>> = {},
): Promise<Page<Activity>> {
  return look(context, actor, async (nouns, reach) => nouns.activity.page({ ...input, filter: { ...filter, ...(await activityOf(nouns, reach, filter)) } }))
}

/** The newest cursor, for `after`. */
export function readActivityCursor(context: UseCaseContext, actor: Actor): Promise<number> {
  return look(context, actor, nouns => nouns.activity.cursor())
}

/** Who may see all may also ask for an address that is no mailbox. */
async function activityOf(nouns: Nouns, reach: Reach, { mailbox, device }: ActivityAsked): Promise<Pick<ActivityFilter, 'within'>> {
  const within = devicesOf(reach, 'activity.view')
  if (within === undefined) return {}
  if (device !== undefined) await findDevice(nouns, reach, device, 'device.view')
  if (mailbox !== undefined) {
    const { address } = await findMailbox(nouns, reach, mailbox, 'mailbox.view')
    if (shareOf(reach, 'activity.view', address) === 'yes') return {}
  }
  return { within }
}

/** The newest `limit`, oldest first, in constant memory. Throws NOT_FOUND. */
export async function* readAudit(
  context: UseCaseContext,
  actor: Actor,
  filter: AuditAsked & { readonly limit?: number | undefined } = {},
): AsyncGenerator<AuditEntry> {
  yield* await look(context, actor, async (nouns, reach) => nouns.audit.newest({ ...filter, ...(await auditOf(nouns, reach, filter)) }))
}

/** Newest first. Throws NOT_FOUND. */
export function pageAudit(
  context: UseCaseContext,
  actor: Actor,
  { filter = {}, ...input }: ListInput<Omit<PagedAuditFilter, 'within' | 'orBy'>> = {},
): Promise<Page<AuditEntry>> {
  return look(context, actor, async (nouns, reach) => nouns.audit.page({ ...input, filter: { ...filter, ...(await auditOf(nouns, reach, filter)) } }))
}

/** What was done to all that one may see so, and what one did oneself. */
async function auditOf(nouns: Nouns, reach: Reach, { mailbox, device }: AuditAsked): Promise<Pick<AuditFilter, 'within' | 'orBy'>> {
  if (may(reach, 'audit.view', 'installation') === 'yes') return {}
  const within = mailboxesOf(reach, 'audit.view') ?? {}
  if (device !== undefined) await findDevice(nouns, reach, device, 'device.view')
  if (mailbox !== undefined) await findMailbox(nouns, reach, mailbox, 'mailbox.view')
  // Of a token that is bound to domains, not what its owner did elsewhere.
  return { within, orBy: reach.onlyDomains === null ? reach.self?.login : undefined }
}
