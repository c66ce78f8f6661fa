/**
 * What an import hands to the store: rows of one mailbox and some of its devices, read and checked as far as that goes without the store.
 * `undefined` in a row means: not said. What is there stays then, and what is new gets the default.
 */
import type { Secret } from '../../base/secret.ts'
import type { Rights } from '../accounts/people/role-rows.ts'
import type { MailboxState, Scope } from '../schema/login-record.ts'

export interface ImportedMailbox {
  /** Normalised. */
  readonly address: string
  readonly upstream?: string | undefined
  /** null: the address. */
  readonly login?: string | null | undefined
  readonly secret?: Secret | undefined
  readonly state?: MailboxState | undefined
  /** Until when its password at the upstream is accepted too; null: it is not. */
  readonly migrationPasswordUntil?: number | null | undefined
  /** As `parseNote` gives it. */
  readonly note?: string | null | undefined
  /** All of them, normalised. */
  readonly aliases?: readonly string[] | undefined
  /** Whose rights at the mailbox are said. */
  readonly people?: readonly ImportedPerson[] | undefined
}

/** At least one right. */
export interface ImportedPerson {
  /** Login, normalised. */
  readonly user: string
  readonly rights: Rights
}

export interface ImportedDevice {
  /** As `parseDeviceName` gives it. */
  readonly name: string
  readonly state?: 'active' | 'disabled' | undefined
  readonly scopes?: readonly Scope[] | undefined
  readonly expiresAt?: number | null | undefined
  readonly allowFrom?: readonly string[] | undefined
  /** Login, normalised; null: nobody. */
  readonly user?: string | null | undefined
  /** An argon2id PHC string that `checkPhc` let pass. Not beside `password`. */
  readonly phc?: string | undefined
  readonly password?: Secret | undefined
}

/** Taken as a whole or not at all. */
export interface ImportRow {
  /** Where it stands in the file. */
  readonly line: number
  readonly mailbox: ImportedMailbox
  readonly devices: readonly ImportedDevice[]
}

/** What only the configuration knows. Both throw BAD_INPUT; their messages quote nothing of the row. */
export interface ImportRules {
  /** The upstream of a new mailbox, or the one that was named. */
  chooseUpstream(address: string, wanted: string | undefined): string
  /** Whether such a mailbox may be. Tells whether it needs a secret of its own. */
  checkMailbox(mailbox: { readonly upstream: string; readonly login: string; readonly givesSecret: boolean }): { readonly needsSecret: boolean }
}

export interface ImportOptions {
  readonly rules: ImportRules
  /** How the audit calls the file. */
  readonly source: string
  /** Rows that differ from what is there change it; otherwise they are bad. */
  readonly update: boolean
  /** New devices without a password get a generated one. */
  readonly generate: boolean
  /** Users that are not there are made. */
  readonly addUsers: boolean
  /** Nothing is hashed: what the store holds afterwards is of no use but for counting. */
  readonly rehearse: boolean
}

export type RowFate = 'added' | 'changed' | 'unchanged'

export type RowResult =
  | {
      readonly line: number
      /** Of the mailbox: it may stand on several rows. */
      readonly address: string
      readonly mailbox: RowFate
      readonly devices: readonly RowFate[]
      readonly usersAdded: number
      readonly lacksSecret: boolean
    }
  | { readonly line: number; readonly bad: string; readonly wants?: ImportWish | undefined }

/** What of the options would have let a row be taken. */
export type ImportWish = 'update' | 'generate' | 'addUsers'

/** A generated password, to be written down before the device exists. */
export interface FreshPassword {
  readonly mailbox: string
  readonly device: string
  readonly password: Secret
}

/** Why a row is not taken. SECURITY: a message never quotes a cell: with a column too many, a password stands in the place of an address. */
export class BadRow extends Error {
  override readonly name = 'BadRow'
  readonly wants: ImportWish | undefined

  constructor(message: string, wants?: ImportWish) {
    super(message)
    this.wants = wants
  }
}
