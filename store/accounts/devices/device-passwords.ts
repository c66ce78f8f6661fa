/**
 * The password of a device in the store: generated or checked, hashed, tagged, and never the same twice in a mailbox.
 */
import type { Kysely } from 'kysely'
import type { DeviceId, MailboxId } from '../../../base/ids.ts'
import { Problem } from '../../../base/problems.ts'
import type { Secret } from '../../../base/secret.ts'
import { openPepper } from '../../keys/store-keys.ts'
import { checkChosenPassword, generateAppPassword, normaliseSecret } from '../../passwords/app-password.ts'
import { PasswordHasher } from '../../passwords/password-hash.ts'
import { MAX_CHOSEN_PER_MAILBOX, tagColumns } from '../../passwords/tag.ts'
import type { PasswordKind } from '../../schema/login-record.ts'
import type { Schema } from '../../schema/schema.ts'
import type { StoreContext } from '../../store-context.ts'

export interface PasswordColumns {
  readonly kind: PasswordKind
  readonly phc: string
  readonly tag: Uint8Array
  readonly bucket: number
}

export interface NewPassword {
  /** As it is shown, once. */
  readonly shown: Secret
  readonly columns: PasswordColumns
}

export interface PasswordOwner {
  readonly mailboxId: MailboxId
  readonly address: string
  readonly deviceName: string
  /** The device that gets the password; null: one that does not exist yet. */
  readonly device: DeviceId | null
}

let hasher: PasswordHasher | undefined

/**
 * One for the whole process, one hash at a time: however many people make passwords at once, the thread pool stays free for signing in and for files.
 * Its methods throw HASH_QUEUE_FULL.
 */
export function deviceHasher(): PasswordHasher {
  hasher ??= new PasswordHasher({ concurrency: 1 })
  return hasher
}

/** Makes the password of a device. Hashing takes its time: call it before the transaction. Throws BAD_INPUT. */
export async function makePassword(context: StoreContext, chosen: Secret | undefined, owner: PasswordOwner): Promise<NewPassword> {
  const pepper = await openPepper(context.db, context.keyring())
  const kind = chosen === undefined ? 'generated' : 'chosen'
  if (chosen !== undefined) checkChosenPassword(chosen, { ...owner, generatedOnly: context.generatedOnly })
  const shown = chosen ?? generateAppPassword()
  const secret = normaliseSecret(shown)
  const tags = tagColumns(pepper, owner.mailboxId, secret, kind)
  if (chosen !== undefined) {
    await checkRoomForChosen(context.db, owner)
    await checkNotUsed(context.db, owner, secret, tags.tag)
  }
  return { shown, columns: { kind, phc: await deviceHasher().hash(secret), ...tags } }
}

/** Every chosen password makes a wrong guess a little dearer for us. Throws BAD_INPUT. */
export async function checkRoomForChosen(db: Kysely<Schema>, { mailboxId, address, device }: PasswordOwner): Promise<void> {
  const others = await db
    .selectFrom('devices')
    .select('id')
    .where('mailbox_id', '=', mailboxId)
    .where('kind', '=', 'chosen')
    .where('state', '<>', 'revoked')
    .execute()
  if (others.filter(({ id }) => id !== device).length >= MAX_CHOSEN_PER_MAILBOX) {
    throw new Problem('password.too-many-chosen', { mailbox: address, max: MAX_CHOSEN_PER_MAILBOX })
  }
}

/** Two devices with one password could not be told apart, and revoking one would leave the other's way in open. Throws BAD_INPUT. */
async function checkNotUsed(db: Kysely<Schema>, { mailboxId, device }: PasswordOwner, secret: Secret, tag: Uint8Array): Promise<void> {
  const candidates = await db
    .selectFrom('devices')
    .select(['id', 'name', 'state', 'phc', 'tag'])
    .where('mailbox_id', '=', mailboxId)
    .where('kind', '<>', 'generated')
    .execute()
  for (const candidate of candidates) {
    if (candidate.tag !== null && Buffer.compare(candidate.tag, tag) !== 0) continue
    if (!(await deviceHasher().verify(candidate.phc, secret))) continue
    throw new Problem('password.used', { device: candidate.id === device ? null : { name: candidate.name, isRevoked: candidate.state === 'revoked' } })
  }
}
