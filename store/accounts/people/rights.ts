/**
 * Rights: what a person may do at a mailbox. Whether somebody may give them is decided by whoever calls (`management/permissions.ts`).
 *
 * Invariant: with the rights of a person go his devices of the mailbox, or their link to him, as it was said: none stays that somebody without
 * rights could use, unseen.
 */

import { type Kysely, type Selectable, sql } from 'kysely'
import { parseAddress } from '../../../base/address.ts'
import type { MailboxId, UserId } from '../../../base/ids.ts'
import { Problem } from '../../../base/problems.ts'
import { listAll, type Page, type PageRequest, readAll, readPage, type SortOrder } from '../../schema/keyset.ts'
import type { UserState } from '../../schema/login-record.ts'
import type { RightsTable } from '../../schema/portal-schema.ts'
import type { Schema } from '../../schema/schema.ts'
import { type Change, changedFacts, type StoreContext } from '../../store-context.ts'
import { revokeDevice, unlinkDevice } from '../devices/device-changes.ts'
import { getDeviceRow } from '../devices/device-rows.ts'
import { getMailboxRow } from '../mailbox-rows.ts'
import { NO_RIGHTS, type Rights as RightsHere, readRights, rightsColumns, toRights } from './role-rows.ts'
import { endInvitations } from './sign-in-rows.ts'
import { getUserRow, parseLogin } from './user-rows.ts'

export interface MailboxRights extends RightsHere {
  readonly mailbox: string
}

export interface PersonRights extends RightsHere {
  readonly user: string
  readonly name: string | null
  readonly state: UserState
}

/** What becomes of the devices of somebody who loses all rights. */
export type LinkedDevices = 'revoke' | 'unlink'

type RightsRow = Selectable<RightsTable> & { readonly user: string; readonly name: string | null; readonly state: UserState }

const BY_LOGIN: SortOrder<RightsRow> = { name: 'rights', direction: 'asc', keys: [{ column: sql.ref('users.login'), valueOf: row => row.user }] }

export class Rights {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Of a person, by address. Throws NOT_FOUND. */
  async of(login: string): Promise<MailboxRights[]> {
    const { db } = this.#context
    const user = await getUserRow(db, parseLogin(login))
    const rows = await db
      .selectFrom('rights')
      .innerJoin('mailboxes', 'mailboxes.id', 'rights.mailbox_id')
      .selectAll('rights')
      .select('mailboxes.address as mailbox')
      .where('rights.user_id', '=', user.id)
      .orderBy('mailboxes.address')
      .execute()
    return rows.map(row => ({ mailbox: row.mailbox, ...toRights(row) }))
  }

  /** Of everybody at a mailbox, by login. Throws NOT_FOUND, BAD_INPUT when `after` is not of this list. */
  async page({ mailbox, ...request }: PageRequest & { readonly mailbox: string }): Promise<Page<PersonRights>> {
    const { db } = this.#context
    const { id } = await getMailboxRow(db, parseAddress(mailbox))
    const query = db
      .selectFrom('rights')
      .innerJoin('users', 'users.id', 'rights.user_id')
      .selectAll('rights')
      .select(['users.login as user', 'users.name', 'users.state'])
      .where('rights.mailbox_id', '=', id)
    const { rows, next } = await readPage<RightsRow>(query, BY_LOGIN, request)
    return { rows: rows.map(row => ({ user: row.user, name: row.name, state: row.state, ...toRights(row) })), next }
  }

  /** The same for all of them. */
  at(mailbox: string): Promise<PersonRights[]> {
    return listAll(readAll(request => this.page({ mailbox, ...request })))
  }

  /** Of one person at one mailbox; none: all false. Throws NOT_FOUND. */
  async get(login: string, mailbox: string): Promise<RightsHere> {
    const { db } = this.#context
    const user = await getUserRow(db, parseLogin(login))
    return readRights(db, user.id, (await getMailboxRow(db, parseAddress(mailbox))).id)
  }

  /** What is left out stays, and is not given to somebody new. Throws NOT_FOUND, BAD_INPUT (nothing would be left: `remove`). */
  async set(login: string, mailbox: string, changes: Partial<RightsHere>): Promise<RightsHere> {
    return this.#context.change(async change => {
      const [user, box] = await findPair(change.db, login, mailbox)
      await setRights(change, user, box, { ...(await readRights(change.db, user.id, box.id)), ...changes })
      return readRights(change.db, user.id, box.id)
    })
  }

  /**
   * Takes all rights at a mailbox, with the invitations to it. Devices there that are linked to the person are an error unless it is said what
   * becomes of them; gives them as `ADDR/NAME`. Throws NOT_FOUND, STILL_LINKED.
   */
  async remove(
    login: string,
    mailbox: string,
    { devices: fate }: { readonly devices?: LinkedDevices | undefined } = {},
  ): Promise<{ readonly devices: readonly string[] }> {
    return this.#context.change(async change => {
      const [user, box] = await findPair(change.db, login, mailbox)
      const before = await readRights(change.db, user.id, box.id)
      const linked = await findLinked(change.db, user.id, box.id)
      if (linked.length > 0 && fate === undefined) throw stillLinked(user.login, box.address, linked.length)
      if (fate === 'unlink' && user.state === 'blocked' && linked.length > 0) throw wouldLetIn(user.login, linked.length)
      for (const device of linked) {
        if (fate === 'revoke') await revokeDevice(change, await getDeviceRow(change.db, device.id))
        else await unlinkDevice(change, { ...device, address: box.address }, user.login)
      }
      if (linked.length > 0) await change.moveGeneration()
      await change.db.deleteFrom('rights').where('user_id', '=', user.id).where('mailbox_id', '=', box.id).execute()
      await endInvitations(change, { user: user.id, mailbox: box.id })
      if (before.manage) await endInvitations(change, { maker: user.id, mailbox: box.id })
      await noteRights(change, user, box, before, NO_RIGHTS)
      return { devices: linked.map(({ name }) => `${box.address}/${name}`) }
    })
  }
}

interface Person {
  readonly id: UserId
  readonly login: string
}

interface Box {
  readonly id: MailboxId
  readonly address: string
}

/** Within a change that is under way. Throws BAD_INPUT. */
export async function setRights(change: Change, user: Person, mailbox: Box, rights: RightsHere): Promise<void> {
  if (!Object.values(rights).some(Boolean)) throw new Problem('rights.none', {})
  const before = await readRights(change.db, user.id, mailbox.id)
  const columns = rightsColumns(rights)
  await change.db
    .insertInto('rights')
    .values({ user_id: user.id, mailbox_id: mailbox.id, ...columns })
    .onConflict(conflict => conflict.columns(['user_id', 'mailbox_id']).doUpdateSet(columns))
    .execute()
  if (before.manage && !rights.manage) await endInvitations(change, { maker: user.id, mailbox: mailbox.id })
  await noteRights(change, user, mailbox, before, rights)
}

async function noteRights(change: Change, user: Person, mailbox: Box, before: RightsHere, after: RightsHere): Promise<void> {
  const changed = changedFacts({ ...before }, { ...after })
  if (changed === undefined) return
  await change.audit({ action: 'mailbox.rights', subject: `${mailbox.address}/${user.login}`, subjectId: mailbox.id, ...changed })
  // Live sessions read again whether they may send.
  if (before.send !== after.send) await change.moveGeneration()
}

async function findPair(db: Kysely<Schema>, login: string, mailbox: string) {
  return [await getUserRow(db, parseLogin(login)), await getMailboxRow(db, parseAddress(mailbox))] as const
}

function findLinked(db: Kysely<Schema>, user: UserId, mailbox: MailboxId) {
  return db
    .selectFrom('devices')
    .select(['id', 'name'])
    .where('user_id', '=', user)
    .where('mailbox_id', '=', mailbox)
    .where('state', '<>', 'revoked')
    .orderBy('name_key')
    .execute()
}

function stillLinked(login: string, mailbox: string, devices: number): Problem {
  return new Problem('user.linked-at', { login, mailbox, devices })
}

function wouldLetIn(login: string, devices: number): Problem {
  return new Problem('user.blocked-linked', { login, devices })
}
