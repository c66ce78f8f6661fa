/**
 * How a person signs in to the portal: the password and the authenticator app (TOTP). Passkeys and recovery codes stand beside it.
 *
 * Invariants: a new password ends every other session and start link of the person; a code of the authenticator is taken once, by whichever
 * process is first. SECURITY: not the app passwords of devices, which never open the portal.
 */

import type { Kysely } from 'kysely'
import type { PortalSessionId, UserId } from '../../base/ids.ts'
import type { Secret } from '../../base/secret.ts'
import { endInvitations, endPortalSessions } from '../accounts/people/sign-in-rows.ts'
import { type findUserRow, getUserRow, parseLogin } from '../accounts/people/user-rows.ts'
import { openSealed } from '../keys/seal.ts'
import { sealForStore, totpPlace } from '../keys/store-keys.ts'
import type { AuditAction } from '../schema/audit-words.ts'
import type { UserState } from '../schema/login-record.ts'
import type { Schema } from '../schema/schema.ts'
import type { AuditFacts, Change, StoreContext } from '../store-context.ts'

export interface SignInRecord {
  readonly user: { readonly id: UserId; readonly login: string; readonly name: string | null; readonly state: UserState }
  /** PHC string; null: no password yet. */
  readonly phc: string | null
  readonly passwordChangedAt: number | null
  readonly hasTotp: boolean
  readonly totpAddedAt: number | null
  /** Of the last code that was taken. */
  readonly totpStep: number | null
  readonly passkeys: number
  /** Not used yet. */
  readonly recoveryCodes: number
}

export class Credentials {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Undefined: there is no such person. `login` is normalised. */
  async find(login: string): Promise<SignInRecord | undefined> {
    return findRecord(this.#context.db, login)
  }

  /** Ends every session of the person but `except`, and open start links. Hash before. Throws NOT_FOUND. */
  async setPassword(login: string, phc: string, { except }: { readonly except?: PortalSessionId | undefined } = {}): Promise<void> {
    await this.#changeOne(login, (change, user) => storePassword(change, user, phc, except))
  }

  /** The seed of the authenticator; null: there is none. Throws NOT_FOUND, KEY_WRONG, STORE_DAMAGED. */
  async openTotp(login: string): Promise<Secret | null> {
    const { db } = this.#context
    const user = await getUserRow(db, parseLogin(login))
    const row = await db.selectFrom('credentials').select('sealed_totp').where('user_id', '=', user.id).executeTakeFirst()
    return row?.sealed_totp == null ? null : openSealed(this.#context.keyring(), row.sealed_totp, totpPlace(user.id))
  }

  /** `step`: of the code that showed that the app has the seed. Throws NOT_FOUND, KEY_WRONG. */
  async setTotp(login: string, seed: Secret, step: number): Promise<void> {
    await this.#changeOne(login, async (change, user) => {
      const sealed = await sealForStore(change.db, this.#context.keyring(), seed, totpPlace(user.id))
      await upsert(change, user.id, { sealed_totp: sealed, totp_added_at: change.at, totp_step: step })
      await auditFactor(change, user, 'user.authenticator-added')
    })
  }

  /** Throws NOT_FOUND. */
  async removeTotp(login: string): Promise<void> {
    await this.#changeOne(login, async (change, user) => {
      const { numUpdatedRows } = await change.db
        .updateTable('credentials')
        .set({ sealed_totp: null, totp_added_at: null })
        .where('user_id', '=', user.id)
        .where('sealed_totp', 'is not', null)
        .executeTakeFirst()
      if (numUpdatedRows > 0n) await auditFactor(change, user, 'user.authenticator-removed')
    })
  }

  /** Whether the code of this step is taken now, for the first time. */
  async takeTotpStep(user: UserId, step: number): Promise<boolean> {
    return this.#context.change(async ({ db }) => {
      const { numUpdatedRows } = await db
        .updateTable('credentials')
        .set({ totp_step: step })
        .where('user_id', '=', user)
        .where('sealed_totp', 'is not', null)
        .where(({ or, eb }) => or([eb('totp_step', 'is', null), eb('totp_step', '<', step)]))
        .executeTakeFirst()
      return numUpdatedRows > 0n
    })
  }

  /** Takes away everything by which the person signs in, for a start from nothing. Throws NOT_FOUND. */
  async reset(login: string): Promise<void> {
    await this.#changeOne(login, async (change, user) => {
      const before = await findRecord(change.db, user.login)
      for (const table of ['credentials', 'passkeys', 'recovery_codes'] as const) await change.db.deleteFrom(table).where('user_id', '=', user.id).execute()
      await endPortalSessions(change, user.id)
      await endInvitations(change, { user: user.id, kind: 'start' })
      await change.audit({
        action: 'user.sign-in-reset',
        subject: user.login,
        subjectId: user.id,
        before: before === undefined ? null : factsOf(before),
        after: null,
      })
    })
  }

  async #changeOne(login: string, act: (change: Change, user: PersonRow) => Promise<void>): Promise<void> {
    const wanted = parseLogin(login)
    await this.#context.change(async change => act(change, await getUserRow(change.db, wanted)))
  }
}

type PersonRow = NonNullable<Awaited<ReturnType<typeof findUserRow>>>

/** Within a change that is under way. */
export async function storePassword(
  change: Change,
  user: { readonly id: UserId; readonly login: string },
  phc: string,
  except?: PortalSessionId,
): Promise<void> {
  await upsert(change, user.id, { phc, password_changed_at: change.at })
  const sessionsEnded = await endPortalSessions(change, user.id, except)
  await endInvitations(change, { user: user.id, kind: 'start' })
  await change.audit({ action: 'user.password', subject: user.login, subjectId: user.id, before: null, after: { sessionsEnded } })
}

async function upsert(
  change: Change,
  user: UserId,
  columns: { phc: string; password_changed_at: number } | { sealed_totp: Uint8Array; totp_added_at: number; totp_step: number },
): Promise<void> {
  await change.db
    .insertInto('credentials')
    .values({ user_id: user, ...columns })
    .onConflict(conflict => conflict.column('user_id').doUpdateSet(columns))
    .execute()
}

function auditFactor(change: Change, { id, login }: PersonRow, action: AuditAction): Promise<void> {
  return change.audit({ action, subject: login, subjectId: id, before: null, after: null })
}

async function findRecord(db: Kysely<Schema>, login: string): Promise<SignInRecord | undefined> {
  const row = await db
    .selectFrom('users')
    .leftJoin('credentials', 'credentials.user_id', 'users.id')
    .select(['users.id', 'users.login', 'users.name', 'users.state', 'credentials.phc', 'credentials.password_changed_at'])
    .select(['credentials.totp_added_at', 'credentials.totp_step'])
    .select(row => [
      row('credentials.sealed_totp', 'is not', null).as('has_totp'),
      row
        .selectFrom('passkeys')
        .select(count => count.fn.countAll<number>().as('n'))
        .whereRef('passkeys.user_id', '=', 'users.id')
        .as('passkeys'),
      row
        .selectFrom('recovery_codes')
        .select(count => count.fn.countAll<number>().as('n'))
        .whereRef('recovery_codes.user_id', '=', 'users.id')
        .where('recovery_codes.used_at', 'is', null)
        .as('recovery_codes'),
    ])
    .where('users.login', '=', login)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return {
    user: { id: row.id, login: row.login, name: row.name, state: row.state },
    phc: row.phc,
    passwordChangedAt: row.password_changed_at,
    hasTotp: Boolean(row.has_totp),
    totpAddedAt: row.totp_added_at,
    totpStep: row.totp_step,
    passkeys: Number(row.passkeys ?? 0),
    recoveryCodes: Number(row.recovery_codes ?? 0),
  }
}

function factsOf({ phc, hasTotp, passkeys, recoveryCodes }: SignInRecord): AuditFacts {
  return { password: phc !== null, authenticator: hasTotp, passkeys, recoveryCodes }
}
