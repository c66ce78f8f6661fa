/**
 * Takes mailboxes and devices from a file into the store, some hundred rows a transaction.
 *
 * Invariants: a row is taken whole or not at all, and whether it is taken is known before anything of it is written; a file that is taken
 * a second time changes nothing; nobody who was locked out gets in by it: revoked devices stay revoked, and so do their passwords.
 */

import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import { type DeviceId, type MailboxId, makeId } from '../../base/ids.ts'
import { addAlias, removeAlias } from '../accounts/alias-rows.ts'
import { changeState, changeTerms, type DeviceRow, insertDevice, replacePassword, type StoredPassword } from '../accounts/devices/device-changes.ts'
import { nameKeyOf } from '../accounts/devices/device-names.ts'
import { SCOPES, termColumns } from '../accounts/devices/device-rows.ts'
import { findMailboxRow } from '../accounts/mailbox-rows.ts'
import { changeMailbox, checkLogin, insertMailbox, sealUpstreamSecret } from '../accounts/mailboxes.ts'
import { checkNameIsNotReserved, MIGRATION_DEVICE_NAME, setMigrationPasswordUntil } from '../accounts/migration-rows.ts'
import { setRights } from '../accounts/people/rights.ts'
import { openSealed } from '../keys/seal.ts'
import { openPepper, upstreamSecretPlace } from '../keys/store-keys.ts'
import { ANY_BUCKET, MAX_CHOSEN_PER_MAILBOX } from '../passwords/tag.ts'
import { splitList } from '../schema/list-column.ts'
import type { Scope } from '../schema/login-record.ts'
import { liveSince } from '../schema/node-liveness.ts'
import type { Schema } from '../schema/schema.ts'
import type { AuditFacts, Change, StoreContext } from '../store-context.ts'
import { type PlannedAliases, planAliases } from './import-aliases.ts'
import { type ImportHasher, ImportPasswords, type PreparedBatch } from './import-passwords.ts'
import { planPeople } from './import-people.ts'
import {
  BadRow,
  type FreshPassword,
  type ImportedDevice,
  type ImportedPerson,
  type ImportOptions,
  type ImportRow,
  type RowFate,
  type RowResult,
} from './import-rows.ts'
import { findUser, getUser, type KnownUser, RowChange, userOf } from './row-change.ts'

/** SQLite asks for a taken lock at most every 100 ms: an interval without it that is longer is one in which every waiting gateway gets its turn. */
const TURN_OF_OTHERS_MS = 110

export class Importer {
  readonly #context: StoreContext
  readonly #options: ImportOptions
  readonly #passwords: ImportPasswords
  #committedAt = Number.NEGATIVE_INFINITY

  private constructor(context: StoreContext, options: ImportOptions, passwords: ImportPasswords) {
    this.#context = context
    this.#options = options
    this.#passwords = passwords
  }

  static async open(context: StoreContext, options: ImportOptions, hasher: ImportHasher): Promise<Importer> {
    const pepper = await openPepper(context.db, context.keyring())
    const { db, generatedOnly } = context
    return new Importer(context, options, new ImportPasswords({ db, pepper, hasher, options, generatedOnly }))
  }

  /** Takes some rows in one transaction. `onFresh` must have written the generated passwords down when it returns: the devices exist after it. */
  async take(rows: readonly ImportRow[], onFresh: (fresh: readonly FreshPassword[]) => void): Promise<RowResult[]> {
    const prepared = await this.#passwords.prepare(rows)
    if (prepared.fresh.length > 0) onFresh(prepared.fresh)
    await this.#letOthersWrite()
    const results = await this.#context.change(change => this.#takeIn(change, rows, prepared))
    this.#committedAt = performance.now()
    return results
  }

  /** What was prepared meanwhile counts as waiting; without a gateway nobody waits. */
  async #letOthersWrite(): Promise<void> {
    const rest = this.#committedAt + TURN_OF_OTHERS_MS - performance.now()
    if (rest <= 0) return
    const { db, now } = this.#context
    const alive = await db.selectFrom('nodes').select('id').where('heartbeat_at', '>', liveSince(now())).limit(1).execute()
    if (alive.length > 0) await wait(rest)
  }

  async #takeIn(change: Change, rows: readonly ImportRow[], prepared: PreparedBatch): Promise<RowResult[]> {
    const results: RowResult[] = []
    const users = new Map<string, KnownUser | undefined>()
    let isMoved = false
    const move = async (): Promise<void> => {
      isMoved = true
    }
    for (const row of rows) {
      try {
        const known = prepared.bad.get(row)
        if (known !== undefined) throw known
        const planned = await this.#plan(change.db, row, prepared, users)
        results.push(await this.#write(new RowChange(change, `${this.#options.source}:${row.line}`, move), row, planned, users))
      } catch (error) {
        // Only `#plan` throws these: nothing of the row is written.
        if (!(error instanceof BadRow || (error instanceof MailwicketError && error.code === 'BAD_INPUT'))) throw error
        results.push({ line: row.line, bad: error.message, ...(error instanceof BadRow && error.wants !== undefined ? { wants: error.wants } : {}) })
      }
    }
    if (isMoved) await change.moveGeneration()
    return results
  }

  /** The last word of an import in the audit. */
  async finish(facts: AuditFacts): Promise<void> {
    await this.#context.change(change => change.audit({ action: 'store.imported', subject: 'store', subjectId: null, before: null, after: facts }))
  }

  async #plan(db: Kysely<Schema>, row: ImportRow, prepared: PreparedBatch, users: Map<string, KnownUser | undefined>): Promise<PlannedRow> {
    const { mailbox } = row
    const { rules, update } = this.#options
    const present = await findMailboxRow(db, mailbox.address)
    const id = present?.id ?? prepared.mailboxIds.get(mailbox.address) ?? makeId<MailboxId>()
    const upstream = mailbox.upstream === undefined && present !== undefined ? present.upstream : rules.chooseUpstream(mailbox.address, mailbox.upstream)
    const login = mailbox.login === undefined ? (present?.login ?? null) : mailbox.login
    checkLogin(login)
    const { needsSecret } = rules.checkMailbox({ upstream, login: login ?? mailbox.address, givesSecret: mailbox.secret !== undefined })
    const state = mailbox.state ?? present?.state ?? 'active'
    const note = mailbox.note === undefined ? (present?.note ?? null) : mailbox.note
    const aliases = await planAliases(db, { id, address: mailbox.address, isNew: present === undefined, wanted: mailbox.aliases })
    const people = await planPeople(db, { id, people: mailbox.people, addUsers: this.#options.addUsers })
    const isNewSecret = mailbox.secret !== undefined && !this.#hasSecret(present, mailbox.secret.reveal())
    const differs = [
      ...(present !== undefined && upstream !== present.upstream ? ['upstream'] : []),
      ...(present !== undefined && login !== present.login ? ['login'] : []),
      ...(present !== undefined && state !== present.state ? ['state'] : []),
      ...(present !== undefined && isNewSecret ? ['secret'] : []),
      ...(present !== undefined && note !== present.note ? ['note'] : []),
      ...(present !== undefined && aliases.added.length + aliases.removed.length > 0 ? ['aliases'] : []),
      ...(present !== undefined && people.length > 0 ? ['people'] : []),
    ]
    const needsRows = present !== undefined && (row.devices.length > 0 || mailbox.migrationPasswordUntil !== undefined)
    const rows = !needsRows ? [] : await db.selectFrom('devices').selectAll().where('mailbox_id', '=', id).execute()
    const legacy = rows.find(({ state, name_key }) => state !== 'revoked' && name_key === nameKeyOf(MIGRATION_DEVICE_NAME))
    if (mailbox.migrationPasswordUntil !== undefined && legacy !== undefined && legacy.kind !== 'legacy')
      throw new BadRow('legacy_password_until: the mailbox has a device of its own with the name "legacy"; rename it first')
    const isMigrationDateMoved = mailbox.migrationPasswordUntil !== undefined && mailbox.migrationPasswordUntil !== (legacy?.expires_at ?? null)
    if (present !== undefined && isMigrationDateMoved) differs.push('legacy_password_until')
    if (differs.length > 0 && !update) throw new BadRow(`the mailbox is there already, and differs in ${differs.join(', ')}`, 'update')
    const names = new Set<string>()
    const devices: PlannedDevice[] = []
    for (const device of row.devices) {
      const key = nameKeyOf(device.name)
      if (names.has(key)) throw new BadRow('device: the name stands twice in this row')
      names.add(key)
      devices.push(await this.#planDevice(db, device, { id, address: mailbox.address, rows, planned: devices, prepared, users }))
    }
    return { present, id, upstream, login, state, note, aliases, people, isNewSecret, isChanged: differs.length > 0, devices, needsSecret }
  }

  async #planDevice(db: Kysely<Schema>, device: ImportedDevice, owner: Owner): Promise<PlannedDevice> {
    const { update, addUsers } = this.#options
    checkNameIsNotReserved(device.name)
    const row = owner.rows.find(other => other.state !== 'revoked' && other.name_key === nameKeyOf(device.name))
    const present = row === undefined ? undefined : { ...row, address: owner.address, ...(await userOf(db, row.user_id)) }
    const password = this.#planPassword(device, present, owner)
    if (device.user != null && !addUsers && (await findUser(db, owner.users, device.user)) === undefined)
      throw new BadRow('user: there is no such user', 'addUsers')
    const terms = termColumns({
      scopes: device.scopes ?? (present === undefined ? SCOPES : splitList<Scope>(present.scopes)),
      expiresAt: device.expiresAt === undefined ? (present?.expires_at ?? null) : device.expiresAt,
      allowFrom: device.allowFrom ?? (present === undefined ? [] : splitList(present.allow_from)),
    })
    const user = device.user === undefined ? (present?.user ?? null) : device.user
    // SECURITY: an empty cell in the column of users must not let a blocked user's device in again.
    if (present?.userState === 'blocked' && user !== present.user)
      throw new BadRow('user: the device’s user is blocked; unblock him first, or revoke the device')
    const state = device.state ?? (present?.state === 'disabled' ? 'disabled' : 'active')
    if (present === undefined) return { device, present, password, terms, user, state, isChanged: false }
    const differs = [
      ...(terms.scopes === present.scopes ? [] : ['scopes']),
      ...(terms.expires_at === present.expires_at ? [] : ['expires']),
      ...(terms.allow_from === present.allow_from ? [] : ['allow_from']),
      ...(user === present.user ? [] : ['user']),
      ...(state === present.state ? [] : ['device_state']),
      ...(password === undefined ? [] : ['password']),
    ]
    if (differs.length > 0 && !update) throw new BadRow(`the device is there already, and differs in ${differs.join(', ')}`, 'update')
    return { device, present, password, terms, user, state, isChanged: differs.length > 0 }
  }

  /** The password that is to be stored; undefined: the one that is there stays. */
  #planPassword(device: ImportedDevice, present: DeviceRow | undefined, { id, rows, planned, prepared }: Owner): StoredPassword | undefined {
    if (device.phc !== undefined && device.phc === present?.phc) return undefined
    const ready = prepared.passwords.get(device)
    if (ready !== undefined && ready.mailboxId !== id) throw changedMeanwhile()
    if (ready?.password === 'other') throw new BadRow('the device is there already, and differs in password', 'update')
    if (ready?.password === 'same' && present === undefined) throw changedMeanwhile()
    const made = typeof ready?.password === 'object' ? ready.password : undefined
    const password = device.phc === undefined ? made : { kind: 'imported' as const, phc: device.phc, tag: null, bucket: ANY_BUCKET }
    if (password === undefined) {
      if (present === undefined) throw new BadRow('the device has no password', 'generate')
      return undefined
    }
    // Generated for a device that somebody else has just made: it keeps the password it has.
    if (present !== undefined && device.password === undefined && device.phc === undefined) return undefined
    if (password.kind === 'imported' && this.#context.generatedOnly)
      throw new BadRow('password_hash: this installation allows generated passwords only (generated_only), and a hash does not tell what it is of')
    const twin = [...rows.filter(row => row.id !== present?.id), ...planned.map(other => ({ state: 'active', phc: other.password?.phc }))].find(
      row => row.phc === password.phc,
    )
    if (twin !== undefined)
      throw new BadRow(twin.state === 'revoked' ? 'password_hash: that of a revoked device' : 'password_hash: another device of this mailbox has it')
    const open = rows.filter(row => row.id !== present?.id && row.state !== 'revoked' && row.kind !== 'generated' && row.kind !== 'legacy').length
    const more = planned.filter(other => other.present === undefined && other.password !== undefined && other.password.kind !== 'generated').length
    // SECURITY: each of them may cost an argon2 whenever somebody guesses.
    if (password.kind !== 'generated' && open + more >= MAX_CHOSEN_PER_MAILBOX)
      throw new BadRow(
        `the mailbox has ${MAX_CHOSEN_PER_MAILBOX} devices with chosen or imported passwords, and may have no more; generated ones are not limited`,
      )
    return password
  }

  #hasSecret(present: Awaited<ReturnType<typeof findMailboxRow>>, secret: Buffer): boolean {
    if (present === undefined || present.sealed_secret === null) return false
    return openSealed(this.#context.keyring(), present.sealed_secret, upstreamSecretPlace(present.id)).reveal().equals(secret)
  }

  async #write(change: RowChange, { line, mailbox }: ImportRow, planned: PlannedRow, users: Map<string, KnownUser | undefined>): Promise<RowResult> {
    const { present, id, upstream, login, state, note, aliases, people } = planned
    const owner = { id, address: mailbox.address }
    const isSealed = planned.isNewSecret && mailbox.secret !== undefined
    const sealed = isSealed ? await sealUpstreamSecret(change.db, this.#context.keyring(), id, mailbox.secret) : undefined
    if (present === undefined) await insertMailbox(change, { ...owner, upstream, login, state, note, sealed: sealed ?? null })
    else if (planned.isChanged) await changeMailbox(change, present, { upstream, login, state, note, sealed })
    for (const alias of aliases.removed) await removeAlias(change, owner, alias)
    for (const alias of aliases.added) await addAlias(change, owner, alias)
    if (mailbox.migrationPasswordUntil !== undefined) await setMigrationPasswordUntil(change, owner, mailbox.migrationPasswordUntil)
    const usersBefore = change.usersAdded
    for (const { user, rights } of people) await setRights(change, await getUser(change, users, user), owner, rights)
    const devices: RowFate[] = []
    for (const device of planned.devices) devices.push(await this.#writeDevice(change, owner, device, users))
    const lacksSecret = present === undefined && sealed === undefined && planned.needsSecret
    return { line, address: mailbox.address, mailbox: fateOf(present, planned.isChanged), devices, usersAdded: change.usersAdded - usersBefore, lacksSecret }
  }

  async #writeDevice(
    change: RowChange,
    mailbox: { readonly id: MailboxId; readonly address: string },
    planned: PlannedDevice,
    users: Map<string, KnownUser | undefined>,
  ): Promise<RowFate> {
    const { device, present, password, terms, user, state } = planned
    const fate = fateOf(present, planned.isChanged)
    if (fate === 'unchanged') return fate
    const link = user === null ? { id: null, login: null } : await getUser(change, users, user)
    if (present === undefined) {
      // `#planPassword` has refused a device without one.
      if (password !== undefined) await insertDevice(change, mailbox, { id: makeId<DeviceId>(), name: device.name, state, password, terms, link })
      return fate
    }
    await changeTerms(change, present, terms, link)
    if (password !== undefined) await replacePassword(change, present, password)
    await changeState(change, present, state)
    return fate
  }
}

interface PlannedRow {
  readonly present: Awaited<ReturnType<typeof findMailboxRow>>
  readonly id: MailboxId
  readonly upstream: string
  readonly login: string | null
  readonly state: 'active' | 'disabled'
  readonly note: string | null
  readonly aliases: PlannedAliases
  readonly people: readonly ImportedPerson[]
  readonly isNewSecret: boolean
  readonly isChanged: boolean
  readonly devices: readonly PlannedDevice[]
  readonly needsSecret: boolean
}

interface PlannedDevice {
  readonly device: ImportedDevice
  readonly present: DeviceRow | undefined
  readonly password: StoredPassword | undefined
  readonly terms: ReturnType<typeof termColumns>
  readonly user: string | null
  readonly state: 'active' | 'disabled'
  readonly isChanged: boolean
}

interface Owner {
  readonly id: MailboxId
  readonly address: string
  readonly rows: readonly Omit<DeviceRow, 'address' | 'user'>[]
  readonly planned: readonly PlannedDevice[]
  readonly prepared: PreparedBatch
  readonly users: Map<string, KnownUser | undefined>
}

function changedMeanwhile(): BadRow {
  return new BadRow('the mailbox was changed by somebody else a moment ago; run the import again')
}

function fateOf(present: unknown, isChanged: boolean): RowFate {
  return present === undefined ? 'added' : isChanged ? 'changed' : 'unchanged'
}
