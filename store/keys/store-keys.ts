/**
 * The store and its master key: the pepper, and sealing under the key that the store itself names.
 *
 * Invariant: a value is sealed under the key id read in the same transaction, so that a command that began before
 * `key rotate` cannot leave behind a value under a key that is about to be forgotten.
 */
import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import { setMeta } from '../schema/migrations.ts'
import type { MetaName, Schema } from '../schema/schema.ts'
import type { Keyring } from './master-key.ts'
import { openSealed, type Place, seal } from './seal.ts'

const PEPPER_BYTES = 32
const PEPPER_PLACE: Place = { table: 'meta', column: 'value', row: 'pepper' }

export function upstreamSecretPlace(mailboxId: string): Place {
  return { table: 'mailboxes', column: 'sealed_secret', row: mailboxId }
}

export function totpPlace(userId: string): Place {
  return { table: 'credentials', column: 'sealed_totp', row: userId }
}

export async function findMeta(db: Kysely<Schema>, name: MetaName): Promise<string | undefined> {
  const row = await db.selectFrom('meta').select('value').where('name', '=', name).executeTakeFirst()
  return row?.value
}

/** The id of the key that new values are sealed under. */
export async function getStoreKeyId(db: Kysely<Schema>): Promise<string> {
  return (await findMeta(db, 'key_id')) ?? missing('key_id')
}

/** The pepper. Throws KEY_WRONG, STORE_DAMAGED. */
export async function openPepper(db: Kysely<Schema>, keyring: Keyring): Promise<Secret> {
  const sealed = (await findMeta(db, 'pepper')) ?? missing('pepper')
  return openSealed(keyring, Buffer.from(sealed, 'base64'), PEPPER_PLACE)
}

/** Seals under the store's key; call it in the transaction that writes the value. Throws KEY_WRONG. */
export async function sealForStore(db: Kysely<Schema>, keyring: Keyring, secret: Secret, place: Place): Promise<Uint8Array> {
  return seal(keyring.get(await getStoreKeyId(db)), secret, place)
}

/** A new store gets its pepper and remembers its key. */
export async function initialiseKeys(db: Kysely<Schema>, keyring: Keyring): Promise<void> {
  await setMeta(db, 'key_id', keyring.currentId)
  await storePepper(db, keyring, Secret.fromBytes(randomBytes(PEPPER_BYTES)))
}

/** Seals the pepper, whose value never changes, under the store's present key. */
export async function storePepper(db: Kysely<Schema>, keyring: Keyring, pepper: Secret): Promise<void> {
  await setMeta(db, 'pepper', Buffer.from(await sealForStore(db, keyring, pepper, PEPPER_PLACE)).toString('base64'))
}

function missing(name: MetaName): never {
  throw new MailwicketError('STORE_DAMAGED', { message: `the store has lost its ${name}` })
}
