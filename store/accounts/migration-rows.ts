/**
 * The row by which the store knows that a mailbox takes its upstream's own password too: a device "legacy" of kind `legacy`.
 *
 * SECURITY: it has no hash, and a tag of no bytes, which no secret has. Only the upstream can say that a secret is right.
 */

import { type DeviceId, type MailboxId, makeId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import { ANY_BUCKET } from '../passwords/tag.ts'
import type { PasswordKind } from '../schema/login-record.ts'
import type { Change } from '../store-context.ts'
import { nameKeyOf } from './devices/device-names.ts'

export const MIGRATION_DEVICE_NAME = 'legacy'

/**
 * Begins, moves or (null) ends the migration of one mailbox within a change of the caller's; false: it was so already.
 * Throws ALREADY_EXISTS when a device of another kind has the name.
 */
export async function setMigrationPasswordUntil(
  change: Change,
  mailbox: { readonly id: MailboxId; readonly address: string },
  until: number | null,
): Promise<boolean> {
  const { db } = change
  const holder = await db
    .selectFrom('devices')
    .select(['id', 'kind', 'state', 'expires_at'])
    .where('mailbox_id', '=', mailbox.id)
    .where('name_key', '=', nameKeyOf(MIGRATION_DEVICE_NAME))
    .where('state', '<>', 'revoked')
    .executeTakeFirst()
  const legacy = holder?.kind === 'legacy' ? holder : undefined
  if ((legacy?.expires_at ?? null) === until) return false
  if (until === null) {
    if (legacy !== undefined) await revokeMigrationDevice(change, mailbox, legacy)
  } else if (legacy !== undefined) {
    await db.updateTable('devices').set({ expires_at: until }).where('id', '=', legacy.id).execute()
  } else {
    if (holder !== undefined) {
      throw new Problem('migration.name-taken', { mailbox: mailbox.address, name: MIGRATION_DEVICE_NAME, id: holder.id })
    }
    await insertMigrationDevice(change, mailbox.id, until)
  }
  await change.audit({
    action: 'mailbox.changed',
    subject: mailbox.address,
    subjectId: mailbox.id,
    before: { legacyPasswordUntil: legacy?.expires_at ?? null },
    after: { legacyPasswordUntil: until },
  })
  await change.moveGeneration()
  return true
}

/** With an entry of its own in the audit: a restore must know of it when the row is long gone. */
async function revokeMigrationDevice(change: Change, mailbox: { readonly address: string }, { id, state }: { id: DeviceId; state: string }): Promise<void> {
  const revoked = { state: 'revoked' as const, revoked_at: change.at }
  await change.db.updateTable('devices').set(revoked).where('id', '=', id).execute()
  await change.audit({
    action: 'device.revoked',
    subject: `${mailbox.address}/${MIGRATION_DEVICE_NAME}`,
    subjectId: id,
    before: { state },
    after: { state: 'revoked' },
  })
}

async function insertMigrationDevice({ db, at }: Change, mailbox: MailboxId, until: number): Promise<void> {
  await db
    .insertInto('devices')
    .values({
      id: makeId<DeviceId>(),
      mailbox_id: mailbox,
      name: MIGRATION_DEVICE_NAME,
      name_key: nameKeyOf(MIGRATION_DEVICE_NAME),
      state: 'active',
      kind: 'legacy',
      // SECURITY: neither a hash nor a tag that anything could match.
      phc: '',
      tag: new Uint8Array(),
      bucket: ANY_BUCKET,
      scopes: 'imap,smtp',
      expires_at: until,
      allow_from: '',
      password_version: 1,
      kicked_at: null,
      created_at: at,
      password_changed_at: at,
      revoked_at: null,
      user_id: null,
    })
    .execute()
}

/** The name belongs to the migration password of a mailbox, whether it is accepted or not. Throws BAD_INPUT. */
export function checkNameIsNotReserved(name: string): void {
  if (nameKeyOf(name) !== nameKeyOf(MIGRATION_DEVICE_NAME)) return
  throw new Problem('migration.name-reserved', { name: MIGRATION_DEVICE_NAME })
}

/** For what needs a password of ours, a name of its own or no end. Throws BAD_INPUT. */
export function checkIsNotMigrationDevice(device: { readonly kind: PasswordKind; readonly address: string; readonly name: string }, wish: string): void {
  if (device.kind !== 'legacy') return
  throw new Problem('migration.device', { mailbox: device.address, name: device.name, wish })
}
