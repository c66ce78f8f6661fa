/**
 * Users: persons who may be linked to devices and carry the right to send. Reading mail needs no user.
 */
import type { Kysely } from 'kysely'
import { makeId, type UserId } from '../../../base/ids.ts'
import { Problem } from '../../../base/problems.ts'
import { listAll, type Page, type PageRequest, readAll } from '../../schema/keyset.ts'
import type { UserState } from '../../schema/login-record.ts'
import type { Schema } from '../../schema/schema.ts'
import { changeSending, type FoundSubject } from '../../sending/sending-change.ts'
import { forgetSending } from '../../sending/sending-rows.ts'
import { changedFacts, type StoreContext } from '../../store-context.ts'
import { unlinkDevice } from '../devices/device-changes.ts'
import type { MailboxSet } from '../mailbox-set.ts'
import { parsePlainNameOrNull } from '../plain-names.ts'
import { type ByLogin, type PersonFacts, type PersonSummary, readFacts, readSummaries } from './people-facts.ts'
import { checkNotLastAdmin } from './role-rows.ts'
import { endSignIn } from './sign-in-rows.ts'
import { countUsers, findUser, getUser, pageUsers, type User, type UserFilter, type UserSort } from './user-list.ts'
import { findUserRow, getUserRow, parseLogin } from './user-rows.ts'

export interface NewUser {
  readonly login: string
  readonly name?: string | null | undefined
  /** True when left out. */
  readonly maySend?: boolean | undefined
}

export interface UserChanges {
  readonly name?: string | null | undefined
  readonly maySend?: boolean | undefined
}

const MAX_NAME_CHARACTERS = 200

export class Users {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Throws ALREADY_EXISTS, BAD_INPUT. */
  async add({ login: text, name: nameText = null, maySend = true }: NewUser): Promise<User> {
    const login = parseLogin(text)
    const name = parseName(nameText)
    const id = makeId<UserId>()
    return this.#context.change(async change => {
      if ((await findUserRow(change.db, login)) !== undefined) throw new Problem('user.exists', { login })
      await change.db.insertInto('users').values({ id, login, name, state: 'active', created_at: change.at }).execute()
      await change.audit({ action: 'user.added', subject: login, subjectId: id, before: null, after: { name, maySend } })
      if (!maySend) await changeSending(change, subjectOf({ id, login }), { maySend })
      return getUser(change.db, login, change.at)
    })
  }

  /** By login. Throws BAD_INPUT when `after` is not of this list. */
  page(request: PageRequest<UserSort> & { readonly filter?: UserFilter | undefined } = {}): Promise<Page<User>> {
    return pageUsers(this.#context.db, this.#context.now(), request)
  }

  /** One after the other, in constant memory. */
  all(filter: UserFilter = {}): AsyncGenerator<User> {
    return readAll(request => this.page({ ...request, filter }))
  }

  /** By login. For what is known to be short: `all` and `page` are for any. */
  list(filter: UserFilter = {}): Promise<User[]> {
    return listAll(this.all(filter))
  }

  /** How many fit to each of the filters. */
  count<Name extends string>(
    filters: Readonly<Record<Name, Omit<UserFilter, 'within' | 'domain'>>>,
    within: MailboxSet | undefined,
  ): Promise<Readonly<Record<Name, number>>> {
    return countUsers(this.#context.db, filters, within)
  }

  /** What lists call people, and whether they may send. Logins as they stand in the store. */
  summaries(logins: readonly string[]): Promise<ByLogin<PersonSummary>> {
    return readSummaries(this.#context.db, logins)
  }

  /** What a list of people says of each. Logins as they stand in the store. */
  facts(logins: readonly string[]): Promise<ByLogin<PersonFacts>> {
    return readFacts(this.#context.db, logins)
  }

  async find(login: string): Promise<User | undefined> {
    return findUser(this.#context.db, parseLogin(login), this.#context.now())
  }

  /** Throws NOT_FOUND. */
  async get(login: string): Promise<User> {
    return getUser(this.#context.db, parseLogin(login), this.#context.now())
  }

  /** What is left out stays. Without the right to send none of the user's devices sends; reading goes on. Throws NOT_FOUND, BAD_INPUT. */
  async set(text: string, changes: UserChanges): Promise<User> {
    const login = parseLogin(text)
    return this.#context.change(async change => {
      const row = await getUserRow(change.db, login)
      const name = changes.name === undefined ? row.name : parseName(changes.name)
      const changed = changedFacts({ name: row.name }, { name })
      if (changed !== undefined) {
        await change.db.updateTable('users').set({ name }).where('id', '=', row.id).execute()
        await change.audit({ action: 'user.changed', subject: login, subjectId: row.id, ...changed })
      }
      if (changes.maySend !== undefined) await changeSending(change, subjectOf(row), { maySend: changes.maySend })
      return getUser(change.db, login, change.at)
    })
  }

  /**
   * Refuses every linked device, with its sessions, until the user is unblocked. What he has open in the portal ends, and the invitations that he made
   * cannot be accepted any more. Throws NOT_FOUND, LAST_ADMINISTRATOR.
   */
  async block(login: string): Promise<User> {
    return this.#setState(login, 'blocked')
  }

  async unblock(login: string): Promise<User> {
    return this.#setState(login, 'active')
  }

  async #setState(text: string, state: UserState): Promise<User> {
    const login = parseLogin(text)
    return this.#context.change(async change => {
      const row = await getUserRow(change.db, login)
      if (row.state !== state) {
        if (state === 'blocked') await checkNotLastAdmin(change.db, row)
        await change.db.updateTable('users').set({ state }).where('id', '=', row.id).execute()
        const action = state === 'blocked' ? 'user.blocked' : 'user.unblocked'
        await change.audit({ action, subject: login, subjectId: row.id, before: { state: row.state }, after: { state } })
        if (state === 'blocked') await endSignIn(change, row.id)
        await change.moveGeneration()
      }
      return getUser(change.db, login, change.at)
    })
  }

  /**
   * Removes a user; devices that are linked are an error unless they are to be unlinked: they then follow their own and their mailbox's rules alone.
   * Devices of a blocked user are not unlinked: they would get in again. Returns the unlinked ones as `ADDR/NAME`. Throws NOT_FOUND, STILL_LINKED, LAST_ADMINISTRATOR.
   */
  async remove(text: string, { unlink = false }: { readonly unlink?: boolean | undefined } = {}): Promise<{ readonly unlinked: readonly string[] }> {
    const login = parseLogin(text)
    return this.#context.change(async change => {
      const { row, devices } = await findRemovable(change.db, login, unlink)
      for (const device of devices) await unlinkDevice(change, device, login)
      await forgetSending(change.db, 'user', [row.id])
      await endSignIn(change, row.id)
      await change.db.deleteFrom('users').where('id', '=', row.id).execute()
      const unlinked = devices.map(nameOf)
      await change.audit({
        action: 'user.removed',
        subject: login,
        subjectId: row.id,
        before: { name: row.name, state: row.state, devices: unlinked },
        after: null,
      })
      if (devices.length > 0) await change.moveGeneration()
      return { unlinked }
    })
  }

  /** What `remove` would give. Throws as it does. */
  async foreseeRemoval(text: string, { unlink = false }: { readonly unlink?: boolean | undefined } = {}): Promise<{ readonly unlinked: readonly string[] }> {
    const { devices } = await findRemovable(this.#context.db, parseLogin(text), unlink)
    return { unlinked: devices.map(nameOf) }
  }
}

async function findRemovable(db: Kysely<Schema>, login: string, unlink: boolean) {
  const row = await getUserRow(db, login)
  await checkNotLastAdmin(db, row)
  const devices = await findLinked(db, row.id)
  if (devices.length > 0 && !unlink) throw stillLinked(login, devices)
  if (devices.length > 0 && row.state === 'blocked') throw wouldLetIn(login, devices.length)
  return { row, devices }
}

type LinkedDevice = Awaited<ReturnType<typeof findLinked>>[number]

/** Revoked ones are not asked about: their link ends with the user. */
function findLinked(db: Kysely<Schema>, user: UserId) {
  return db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .select(['devices.id', 'devices.name', 'mailboxes.address'])
    .where('devices.user_id', '=', user)
    .where('devices.state', '<>', 'revoked')
    .orderBy('mailboxes.address')
    .orderBy('devices.name_key')
    .execute()
}

function nameOf({ address, name }: LinkedDevice): string {
  return `${address}/${name}`
}

function subjectOf({ id, login }: { readonly id: UserId; readonly login: string }): FoundSubject {
  return { kind: 'user', id, name: login }
}

function parseName(text: string | null): string | null {
  return parsePlainNameOrNull(text, { what: 'a user’s name', maxCharacters: MAX_NAME_CHARACTERS })
}

function wouldLetIn(login: string, devices: number): Problem {
  return new Problem('user.blocked-linked', { login, devices })
}

function stillLinked(login: string, devices: readonly LinkedDevice[]): Problem {
  const shown = devices.slice(0, 5).map(device => `${nameOf(device)} (${device.id})`)
  const more = devices.length > shown.length ? ` and ${devices.length - shown.length} more` : ''
  return new Problem('user.linked', { login, devices: shown, more, total: devices.length })
}
