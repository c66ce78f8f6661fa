/**
 * Passkeys: public keys by which browsers and security keys sign a person in. What they signed is checked in `portal/sign-in/`.
 *
 * Invariants: a credential is one person's; its counter only grows, whichever process looks first.
 */

import type { Kysely, Selectable } from 'kysely'
import { makeId, type PasskeyId, type UserId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import { getUserRow, parseLogin } from '../accounts/people/user-rows.ts'
import { parsePlainName } from '../accounts/plain-names.ts'
import type { AuditAction } from '../schema/audit-words.ts'
import type { PasskeysTable } from '../schema/portal-schema.ts'
import type { Schema } from '../schema/schema.ts'
import type { Change, StoreContext } from '../store-context.ts'

/** More than a person has; a sign-in names all of them to the browser. */
const MAX_PASSKEYS = 25
const MAX_NAME_CHARACTERS = 100

export interface Passkey {
  readonly id: PasskeyId
  /** base64url. */
  readonly credentialId: string
  /** COSE. */
  readonly publicKey: Uint8Array<ArrayBuffer>
  readonly counter: number
  readonly transports: readonly string[]
  readonly name: string
  readonly createdAt: number
  readonly usedAt: number | null
}

export interface NewPasskey {
  readonly credentialId: string
  readonly publicKey: Uint8Array
  readonly counter: number
  readonly transports: readonly string[]
  readonly name: string
}

export class Passkeys {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** In the order in which they were added. Throws NOT_FOUND. */
  async list(login: string): Promise<Passkey[]> {
    const { db } = this.#context
    const user = await getUserRow(db, parseLogin(login))
    const rows = await db.selectFrom('passkeys').selectAll().where('user_id', '=', user.id).orderBy('created_at').orderBy('id').execute()
    return rows.map(toPasskey)
  }

  /** With the login of whose it is; undefined: nobody's. */
  async find(credentialId: string): Promise<{ readonly passkey: Passkey; readonly login: string } | undefined> {
    const row = await this.#context.db
      .selectFrom('passkeys')
      .innerJoin('users', 'users.id', 'passkeys.user_id')
      .selectAll('passkeys')
      .select('users.login')
      .where('credential_id', '=', credentialId)
      .executeTakeFirst()
    return row === undefined ? undefined : { passkey: toPasskey(row), login: row.login }
  }

  /** Throws NOT_FOUND, ALREADY_EXISTS (the credential, or the name), BAD_INPUT. */
  async add(login: string, { credentialId, publicKey, counter, transports, name: text }: NewPasskey): Promise<Passkey> {
    const name = parseName(text)
    return this.#context.change(async change => {
      const { db, at } = change
      const user = await getUserRow(db, parseLogin(login))
      const rows = await db
        .selectFrom('passkeys')
        .select(['user_id', 'credential_id'])
        .where(({ or, eb }) => or([eb('user_id', '=', user.id), eb('credential_id', '=', credentialId)]))
        .execute()
      if (rows.some(row => row.credential_id === credentialId)) throw new Problem('passkey.exists', {})
      if (rows.length >= MAX_PASSKEYS) throw new Problem('passkey.too-many', { login: user.login, max: MAX_PASSKEYS })
      await checkNameIsFree(db, user.id, name)
      const id = makeId<PasskeyId>()
      const row = { id, user_id: user.id, credential_id: credentialId, public_key: Buffer.from(publicKey), counter, transports: transports.join(','), name }
      await db
        .insertInto('passkeys')
        .values({ ...row, created_at: at, used_at: null })
        .execute()
      await auditPasskey(change, user, 'user.passkey-added', null, name)
      return toPasskey({ ...row, created_at: at, used_at: null })
    })
  }

  /**
   * Whether a use with this counter is accepted: it must be beyond the last one, or both are 0 (many authenticators do not count). False: the key was
   * copied, was removed meanwhile, or another request has used the same answer.
   */
  async use(id: PasskeyId, counter: number): Promise<boolean> {
    return this.#context.change(async ({ db, at }) => {
      const { numUpdatedRows } = await db
        .updateTable('passkeys')
        .set({ counter, used_at: at })
        .where('id', '=', id)
        .where(({ or, and, eb, val }) => or([eb('counter', '<', counter), and([eb('counter', '=', 0), eb(val(counter), '=', 0)])]))
        .executeTakeFirst()
      return numUpdatedRows > 0n
    })
  }

  /** Throws NOT_FOUND, ALREADY_EXISTS, BAD_INPUT. */
  async rename(login: string, id: string, text: string): Promise<void> {
    const name = parseName(text)
    await this.#changeOne(login, id, async (change, user, row) => {
      if (row.name === name) return
      await checkNameIsFree(change.db, user.id, name)
      await change.db.updateTable('passkeys').set({ name }).where('id', '=', row.id).execute()
      await auditPasskey(change, user, 'user.passkey-renamed', row.name, name)
    })
  }

  /** Throws NOT_FOUND. */
  async remove(login: string, id: string): Promise<void> {
    await this.#changeOne(login, id, async (change, user, row) => {
      await change.db.deleteFrom('passkeys').where('id', '=', row.id).execute()
      await auditPasskey(change, user, 'user.passkey-removed', row.name, null)
    })
  }

  async #changeOne(login: string, id: string, act: (change: Change, user: Person, row: Selectable<PasskeysTable>) => Promise<void>): Promise<void> {
    await this.#context.change(async change => {
      const user = await getUserRow(change.db, parseLogin(login))
      const row = await change.db
        .selectFrom('passkeys')
        .selectAll()
        .where('id', '=', id as PasskeyId)
        .where('user_id', '=', user.id)
        .executeTakeFirst()
      if (row === undefined) throw new Problem('passkey.unknown', { login: user.login, id })
      await act(change, user, row)
    })
  }
}

interface Person {
  readonly id: UserId
  readonly login: string
}

function parseName(text: string): string {
  return parsePlainName(text, { what: 'a passkey’s name', maxCharacters: MAX_NAME_CHARACTERS })
}

/** Two of one name could not be told from each other. */
async function checkNameIsFree(db: Kysely<Schema>, user: UserId, name: string): Promise<void> {
  const rows = await db.selectFrom('passkeys').select('name').where('user_id', '=', user).execute()
  const key = name.normalize('NFKC').toLowerCase()
  if (rows.some(row => row.name.normalize('NFKC').toLowerCase() === key)) throw new Problem('passkey.name-taken', { name })
}

function auditPasskey(change: Change, { id, login }: Person, action: AuditAction, before: string | null, after: string | null): Promise<void> {
  const facts = (name: string | null) => (name === null ? null : { name })
  return change.audit({ action, subject: login, subjectId: id, before: facts(before), after: facts(after) })
}

function toPasskey(row: Selectable<PasskeysTable>): Passkey {
  return {
    id: row.id,
    credentialId: row.credential_id,
    publicKey: new Uint8Array(row.public_key),
    counter: row.counter,
    transports: row.transports === '' ? [] : row.transports.split(','),
    name: row.name,
    createdAt: row.created_at,
    usedAt: row.used_at,
  }
}
