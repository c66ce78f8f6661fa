/**
 * Mailboxes: an address, the upstream where its mail lives, and how Mailwicket logs in there. No password of its own.
 */
import type { Kysely, Selectable } from 'kysely'
import { domainOf, parseAddress } from '../../base/address.ts'
import { type DeviceId, type MailboxId, makeId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import type { Secret } from '../../base/secret.ts'
import type { Keyring } from '../keys/master-key.ts'
import { openSealed } from '../keys/seal.ts'
import { sealForStore, upstreamSecretPlace } from '../keys/store-keys.ts'
import { listAll, type Page, type PageRequest, readAll } from '../schema/keyset.ts'
import type { MailboxState } from '../schema/login-record.ts'
import type { MailboxesTable, Schema } from '../schema/schema.ts'
import { forgetSending } from '../sending/sending-rows.ts'
import { type Change, changedFacts, type StoreContext } from '../store-context.ts'
import { checkAddressIsFree } from './alias-rows.ts'
import { kickColumns } from './devices/kick.ts'
import { type SumsStep, sumConnected, sumDomains } from './domain-sums.ts'
import {
  countByUpstream,
  countMailboxes,
  type DomainCount,
  type ListedMailbox,
  type MailboxFilter,
  type MailboxSort,
  pageDomains,
  pageMailboxes,
} from './mailbox-list.ts'
import { getMailbox, getMailboxRow, type Mailbox, selectMailboxes, toMailbox } from './mailbox-rows.ts'
import type { MailboxSet } from './mailbox-set.ts'
import { setMigrationPasswordUntil } from './migration-rows.ts'
import { parsePlainNameOrNull } from './plain-names.ts'

export interface NewMailbox {
  readonly address: string
  readonly upstream: string
  readonly login?: string | null | undefined
  readonly secret?: Secret | null | undefined
  readonly migrationPasswordUntil?: number | null | undefined
  readonly note?: string | null | undefined
}

export interface MailboxChanges {
  readonly upstream?: string | undefined
  readonly login?: string | null | undefined
  readonly secret?: Secret | null | undefined
  readonly state?: MailboxState | undefined
  readonly migrationPasswordUntil?: number | null | undefined
  readonly note?: string | null | undefined
}

/** RFC 4616 §2 lets servers refuse longer names. */
const MAX_LOGIN_BYTES = 255
const MAX_NOTE_CHARACTERS = 200

export class Mailboxes {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Throws ALREADY_EXISTS, BAD_INPUT, KEY_WRONG. */
  async add({ address: text, upstream, login = null, secret = null, migrationPasswordUntil = null, note: noteText = null }: NewMailbox): Promise<Mailbox> {
    const address = parseAddress(text)
    checkLogin(login)
    const note = parseNote(noteText)
    const id = makeId<MailboxId>()
    return this.#context.change(async change => {
      await checkAddressIsFree(change.db, address)
      const sealed = await this.#seal(change.db, id, secret)
      await insertMailbox(change, { id, address, upstream, login, sealed, state: 'active', note })
      await setMigrationPasswordUntil(change, { id, address }, migrationPasswordUntil)
      return getMailbox(change.db, address)
    })
  }

  /** Throws BAD_INPUT when `after` is not of this list. */
  page(request: PageRequest<MailboxSort> & { readonly filter?: MailboxFilter | undefined } = {}): Promise<Page<ListedMailbox>> {
    return pageMailboxes(this.#context.db, this.#context.now(), request)
  }

  /** One after the other, in constant memory. */
  all(filter: MailboxFilter = {}): AsyncGenerator<ListedMailbox> {
    return readAll(request => this.page({ ...request, filter }))
  }

  /** By address. For a store that is known to be small: `all` and `page` are for any. */
  list(filter: MailboxFilter = {}): Promise<Mailbox[]> {
    return listAll(this.all(filter))
  }

  count(filter: MailboxFilter = {}): Promise<number> {
    return countMailboxes(this.#context.db, this.#context.now(), filter)
  }

  /** How many mailboxes each upstream has; also those that the configuration does not know. */
  countByUpstream(): Promise<ReadonlyMap<string, number>> {
    return countByUpstream(this.#context.db)
  }

  /** What each domain has, counted in steps: each gives where the next begins. */
  sumDomains(step: SumsStep): ReturnType<typeof sumDomains> {
    return sumDomains(this.#context.db, this.#context.now(), step)
  }

  sumConnected(after: DeviceId | undefined): ReturnType<typeof sumConnected> {
    return sumConnected(this.#context.db, this.#context.now(), after)
  }

  /** The domains of mailboxes, by name. */
  domains(request: PageRequest & { readonly within?: MailboxSet | undefined; readonly search?: string | undefined } = {}): Promise<Page<DomainCount>> {
    return pageDomains(this.#context.db, request)
  }

  async find(address: string): Promise<Mailbox | undefined> {
    const row = await selectMailboxes(this.#context.db).where('mailboxes.address', '=', parseAddress(address)).executeTakeFirst()
    return row === undefined ? undefined : toMailbox(row)
  }

  /** Throws NOT_FOUND. */
  async get(address: string): Promise<Mailbox> {
    return getMailbox(this.#context.db, parseAddress(address))
  }

  /** What is left out stays. Another upstream or login ends the mailbox's sessions: they read what it no longer stands for. Throws as `add`, and NOT_FOUND. */
  async set(text: string, changes: MailboxChanges): Promise<Mailbox> {
    const address = parseAddress(text)
    checkLogin(changes.login ?? null)
    return this.#context.change(async change => {
      const row = await getMailboxRow(change.db, address)
      const { secret, migrationPasswordUntil, note, ...columns } = changes
      if (migrationPasswordUntil !== undefined) await setMigrationPasswordUntil(change, row, migrationPasswordUntil)
      const sealed = secret === undefined ? undefined : await this.#seal(change.db, row.id, secret)
      await changeMailbox(change, row, { ...columns, sealed, note: note === undefined ? undefined : parseNote(note) })
      return getMailbox(change.db, address)
    })
  }

  /** Removes a mailbox with its devices; its mail upstream is not touched. Throws NOT_FOUND. */
  async remove(text: string): Promise<{ readonly devices: number }> {
    const address = parseAddress(text)
    return this.#context.change(async change => {
      const mailbox = await getMailbox(change.db, address)
      const devices = await change.db.selectFrom('devices').select('id').where('mailbox_id', '=', mailbox.id).execute()
      await forgetSending(
        change.db,
        'device',
        devices.map(({ id }) => id),
      )
      await forgetSending(change.db, 'mailbox', [mailbox.id])
      await change.db.deleteFrom('mailboxes').where('id', '=', mailbox.id).execute()
      const before = {
        upstream: mailbox.upstream,
        login: mailbox.login,
        secret: mailbox.hasSecret ? 'stored' : 'none',
        state: mailbox.state,
        devices: mailbox.devices,
      }
      await change.audit({ action: 'mailbox.removed', subject: address, subjectId: mailbox.id, before, after: null })
      await change.moveGeneration()
      return { devices: mailbox.devices }
    })
  }

  /** The upstream secret; null when none is stored. Throws NOT_FOUND, KEY_WRONG, STORE_DAMAGED. */
  async openSecret(address: string): Promise<Secret | null> {
    const row = await getMailboxRow(this.#context.db, parseAddress(address))
    return row.sealed_secret === null ? null : openSealed(this.#context.keyring(), row.sealed_secret, upstreamSecretPlace(row.id))
  }

  async #seal(db: Kysely<Schema>, id: MailboxId, secret: Secret | null): Promise<Uint8Array | null> {
    return secret === null ? null : sealUpstreamSecret(db, this.#context.keyring(), id, secret)
  }
}

/** Throws BAD_INPUT (empty), KEY_WRONG. */
export async function sealUpstreamSecret(db: Kysely<Schema>, keyring: Keyring, id: MailboxId, secret: Secret): Promise<Uint8Array> {
  if (secret.byteLength === 0) throw new Problem('mailbox.secret-empty', {})
  return sealForStore(db, keyring, secret, upstreamSecretPlace(id))
}

export interface MailboxColumns {
  readonly upstream: string
  readonly login: string | null
  readonly state: MailboxState
  readonly sealed: Uint8Array | null
  readonly note: string | null
}

export async function insertMailbox(change: Change, mailbox: MailboxColumns & { readonly id: MailboxId; readonly address: string }): Promise<void> {
  const { id, address, upstream, login, state, sealed, note } = mailbox
  const row = { id, address, domain: domainOf(address), upstream, login, sealed_secret: sealed, state, note }
  await change.db
    .insertInto('mailboxes')
    .values({ ...row, created_at: change.at })
    .execute()
  const after = {
    upstream,
    login,
    secret: sealed === null ? 'none' : 'stored',
    ...(state === 'active' ? {} : { state }),
    ...(note === null ? {} : { note }),
  }
  await change.audit({ action: 'mailbox.added', subject: address, subjectId: id, before: null, after })
}

/** What is left out stays. */
export async function changeMailbox(
  change: Change,
  row: Selectable<MailboxesTable>,
  changes: { readonly [Name in keyof MailboxColumns]?: MailboxColumns[Name] | undefined },
): Promise<void> {
  const { upstream = row.upstream, login = row.login, state = row.state, sealed = row.sealed_secret, note = row.note } = changes
  const isSecretGiven = changes.sealed !== undefined
  const before = {
    upstream: row.upstream,
    login: row.login,
    state: row.state,
    note: row.note,
    ...(isSecretGiven ? { secret: row.sealed_secret === null ? 'none' : 'stored' } : {}),
  }
  const after = { upstream, login, state, note, ...(isSecretGiven ? { secret: sealed === null ? 'none' : 'replaced' } : {}) }
  const changed = changedFacts(before, after)
  if (changed === undefined) return
  await change.db.updateTable('mailboxes').set({ upstream, login, state, sealed_secret: sealed, note }).where('id', '=', row.id).execute()
  if (upstream !== row.upstream || login !== row.login)
    await change.db.updateTable('devices').set(kickColumns(change.at)).where('mailbox_id', '=', row.id).execute()
  await change.audit({ action: 'mailbox.changed', subject: row.address, subjectId: row.id, ...changed })
  if (upstream !== row.upstream || login !== row.login || state !== row.state) await change.moveGeneration()
}

/** Throws BAD_INPUT. */
export function parseNote(text: string | null): string | null {
  return parsePlainNameOrNull(text, { what: 'a mailbox’s note', maxCharacters: MAX_NOTE_CHARACTERS })
}

export function checkLogin(login: string | null): void {
  if (login === null) return
  const bytes = Buffer.byteLength(login)
  if (bytes === 0 || bytes > MAX_LOGIN_BYTES || /\p{Cc}/u.test(login) || !login.isWellFormed()) {
    throw new Problem('mailbox.login', { max: MAX_LOGIN_BYTES })
  }
}
