/**
 * What happened: activity (logins and refusals as mail apps made them) and audit (who changed what here), as far as somebody may see it.
 */
import type { Activity, ActivityFilter } from '../store/history/activity.ts'
import type { AuditEntry, AuditFilter } from '../store/history/audit.ts'
import type { Nouns } from '../store/open-store.ts'
import type { Actor } from './actor.ts'
import { findDevice, findMailbox } from './find-subject.ts'
import { may, type Reach, shareOf } from './permissions.ts'
import { look, notAllowed, type UseCaseContext } from './use-case.ts'

/** Oldest change first. Throws NOT_FOUND, NOT_ALLOWED. */
export function listActivity(context: UseCaseContext, actor: Actor, filter: ActivityFilter = {}): Promise<Activity[]> {
  return look(context, actor, async (nouns, reach) => {
    await checkPlace(nouns, reach, 'activity.view', filter)
    return nouns.activity.list(filter)
  })
}

/** The newest cursor, for `after` of a filter. */
export function readActivityCursor(context: UseCaseContext, actor: Actor): Promise<number> {
  return look(context, actor, nouns => nouns.activity.cursor())
}

/** Oldest first. Throws NOT_FOUND, NOT_ALLOWED. */
export function listAudit(context: UseCaseContext, actor: Actor, filter: AuditFilter = {}): Promise<AuditEntry[]> {
  return look(context, actor, async (nouns, reach) => {
    await checkPlace(nouns, reach, 'audit.view', filter)
    return nouns.audit.list(filter)
  })
}

/** All, one mailbox of which all may be seen, or a device that may be seen. Who may see all may also ask for addresses that are no mailbox. */
async function checkPlace(
  nouns: Nouns,
  reach: Reach,
  action: 'activity.view' | 'audit.view',
  { mailbox, device }: { readonly mailbox?: string | undefined; readonly device?: string | undefined },
): Promise<void> {
  if (may(reach, action, 'installation') === 'yes') return
  if (device !== undefined) return void (await findDevice(nouns, reach, device, 'device.view'))
  if (mailbox === undefined) throw notAllowed(action)
  const { address } = await findMailbox(nouns, reach, mailbox, 'mailbox.view')
  if (shareOf(reach, action, address) !== 'yes') throw notAllowed(action)
}
