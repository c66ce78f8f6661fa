/**
 * The passwords of an import that are given in clear or generated: hashed before the transaction, several at once.
 * Rows with hashes need none of this.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Kysely, Selectable } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import { type MailboxId, makeId } from '../../base/ids.ts'
import type { Secret } from '../../base/secret.ts'
import type { StoredPassword } from '../accounts/devices/device-changes.ts'
import { nameKeyOf } from '../accounts/devices/device-names.ts'
import { findMailboxRow } from '../accounts/mailbox-rows.ts'
import { checkChosenPassword, generateAppPassword, normaliseSecret } from '../passwords/app-password.ts'
import type { PasswordHasher } from '../passwords/password-hash.ts'
import { tagColumns } from '../passwords/tag.ts'
import type { DevicesTable, Schema } from '../schema/schema.ts'
import { BadRow, type FreshPassword, type ImportedDevice, type ImportOptions, type ImportRow } from './import-rows.ts'

export interface PreparedPassword {
  /** The tag holds under this mailbox only. */
  readonly mailboxId: MailboxId
  /** `same`: the device has this password already. `other`: it has another, and nothing may be changed, so that nothing was hashed. */
  readonly password: StoredPassword | 'same' | 'other'
}

export interface PreparedBatch {
  readonly mailboxIds: ReadonlyMap<string, MailboxId>
  readonly passwords: ReadonlyMap<ImportedDevice, PreparedPassword>
  readonly bad: ReadonlyMap<ImportRow, BadRow | MailwicketError>
  readonly fresh: readonly FreshPassword[]
}

export type ImportHasher = Pick<PasswordHasher, 'hash' | 'verify'>

type DeviceRow = Selectable<DevicesTable>

export class ImportPasswords {
  readonly #db: Kysely<Schema>
  readonly #pepper: Secret
  readonly #hasher: ImportHasher
  readonly #options: ImportOptions
  readonly #generatedOnly: boolean

  constructor(parts: { db: Kysely<Schema>; pepper: Secret; hasher: ImportHasher; options: ImportOptions; generatedOnly: boolean }) {
    this.#db = parts.db
    this.#pepper = parts.pepper
    this.#hasher = parts.hasher
    this.#options = parts.options
    this.#generatedOnly = parts.generatedOnly
  }

  /** Looks at the store as it is now; the transaction looks again. */
  async prepare(rows: readonly ImportRow[]): Promise<PreparedBatch> {
    const mailboxIds = new Map<string, MailboxId>()
    const passwords = new Map<ImportedDevice, PreparedPassword>()
    const bad = new Map<ImportRow, BadRow | MailwicketError>()
    const fresh: FreshPassword[] = []
    const seen = new Map<string, Secret>()
    const hashing: Promise<void>[] = []
    for (const row of rows) {
      const { address } = row.mailbox
      const known = await findMailboxRow(this.#db, address)
      const mailboxId = known?.id ?? mailboxIds.get(address) ?? makeId<MailboxId>()
      mailboxIds.set(address, mailboxId)
      if (!row.devices.some(device => device.password !== undefined || (this.#options.generate && device.phc === undefined))) continue
      const present = known === undefined ? [] : await this.#db.selectFrom('devices').selectAll().where('mailbox_id', '=', mailboxId).execute()
      for (const device of row.devices) {
        const work = this.#prepareOne({ device, mailboxId, address, present, seen, fresh })
        hashing.push(
          work.then(
            prepared => void (prepared !== undefined && passwords.set(device, prepared)),
            error => {
              if (!(error instanceof BadRow || (error instanceof MailwicketError && error.code === 'BAD_INPUT'))) throw error
              bad.set(row, error)
            },
          ),
        )
      }
    }
    await Promise.all(hashing)
    return { mailboxIds, passwords, bad, fresh }
  }

  async #prepareOne(work: {
    device: ImportedDevice
    mailboxId: MailboxId
    address: string
    present: readonly DeviceRow[]
    seen: Map<string, Secret>
    fresh: FreshPassword[]
  }): Promise<PreparedPassword | undefined> {
    const { device, mailboxId, address, present, seen, fresh } = work
    if (device.phc !== undefined) return undefined
    const existing = present.find(row => row.state !== 'revoked' && row.name_key === nameKeyOf(device.name))
    if (device.password === undefined) {
      if (existing !== undefined || !this.#options.generate || seen.has(`${mailboxId}/${nameKeyOf(device.name)}`)) return undefined
      const password = generateAppPassword()
      seen.set(`${mailboxId}/${nameKeyOf(device.name)}`, password)
      fresh.push({ mailbox: address, device: device.name, password })
      return { mailboxId, password: await this.#columnsOf(mailboxId, password, 'generated') }
    }
    const secret = normaliseSecret(device.password)
    if (existing !== undefined && (await this.#isSame(existing, mailboxId, secret))) return { mailboxId, password: 'same' }
    if (existing !== undefined && !this.#options.update) return { mailboxId, password: 'other' }
    checkChosenPassword(device.password, { address, deviceName: device.name, generatedOnly: this.#generatedOnly })
    const key = `${mailboxId} ${secret.reveal().toString('base64')}`
    if (seen.has(key)) throw new BadRow('password: another device of this mailbox has it in this file; every device needs its own')
    seen.set(key, secret)
    for (const other of present) {
      if (other.id !== existing?.id && (await this.#isSame(other, mailboxId, secret)))
        throw new BadRow(other.state === 'revoked' ? 'password: that of a revoked device' : 'password: another device of this mailbox has it')
    }
    return { mailboxId, password: await this.#columnsOf(mailboxId, secret, 'chosen') }
  }

  async #columnsOf(mailboxId: MailboxId, password: Secret, kind: 'generated' | 'chosen'): Promise<StoredPassword> {
    const secret = normaliseSecret(password)
    return { kind, phc: await this.#hasher.hash(secret), ...tagColumns(this.#pepper, mailboxId, secret, kind) }
  }

  async #isSame(row: DeviceRow, mailboxId: MailboxId, secret: Secret): Promise<boolean> {
    if (row.tag !== null && Buffer.compare(row.tag, tagColumns(this.#pepper, mailboxId, secret, row.kind).tag) !== 0) return false
    return this.#hasher.verify(row.phc, secret)
  }
}

/** Stands for the true one where nothing is kept: equal secrets have equal hashes, at the price of an HMAC. */
export class RehearsalHasher implements ImportHasher {
  readonly #key = randomBytes(32)
  readonly #hasher: ImportHasher

  constructor(hasher: ImportHasher) {
    this.#hasher = hasher
  }

  async hash(secret: Secret): Promise<string> {
    return `$rehearsal$${createHmac('sha256', this.#key).update(secret.reveal()).digest('base64')}`
  }

  async verify(phc: string, secret: Secret): Promise<boolean> {
    return phc.startsWith('$rehearsal$') ? phc === (await this.hash(secret)) : this.#hasher.verify(phc, secret)
  }
}
