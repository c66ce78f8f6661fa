/**
 * The migration of many mailboxes: until when those of a domain take their password at the real server too, and who still uses it.
 *
 * Not one transaction: a domain may have a hundred thousand mailboxes, and gateways write between two parts. Run again, it goes on where it ended.
 */
import type { MigrationFilter, MigrationPasswordUse } from '../../store/accounts/migration-passwords.ts'
import { type Actor, auditActorOf } from '../actor.ts'
import { checkAllowed, look, notAllowed, type UseCaseContext } from '../use-case.ts'

export interface MigrateDomainInput {
  readonly domain: string
  /** Milliseconds since 1970, UTC; null ends it. */
  readonly until: number | null
  readonly onProgress?: ((state: { readonly done: number; readonly total: number }) => void) | undefined
}

/** Throws NOT_FOUND, NOT_ALLOWED. */
export async function migrateDomain(
  context: UseCaseContext,
  actor: Actor,
  { domain, until, onProgress }: MigrateDomainInput,
): Promise<{ readonly mailboxes: number; readonly changed: number }> {
  await look(context, actor, async (_, reach) => checkAllowed(reach, 'mailbox.migrate', { domain }, () => notAllowed('mailbox.migrate')))
  return context.store.as(auditActorOf(actor)).migrationPasswords.setForDomain(domain, until, onProgress)
}

/** Who used it last comes first; one after the other, in constant memory. Throws NOT_ALLOWED. */
export async function* readMigrationPasswords(
  context: UseCaseContext,
  actor: Actor,
  { filter, limit }: { readonly filter?: MigrationFilter | undefined; readonly limit?: number | undefined } = {},
): AsyncGenerator<MigrationPasswordUse> {
  await look(context, actor, async (_, reach) => checkAllowed(reach, 'mailbox.migrate', 'installation', () => notAllowed('mailbox.migrate')))
  yield* context.store.as(auditActorOf(actor)).migrationPasswords.all(filter, limit)
}
