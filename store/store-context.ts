/**
 * What every noun of the command line's store works with, and the one way to change anything.
 *
 * Invariant: a change, its audit row and its move of the generation are one transaction; there is no other writer in this process.
 */
import type { Kysely, Transaction } from 'kysely'
import type { Keyring } from './keys/master-key.ts'
import type { Backend } from './schema/backend.ts'
import type { Schema } from './schema/schema.ts'

/** Who changes something, and from where: `{ name: 'root', source: 'cli' }`. */
export interface Actor {
  readonly name: string
  readonly source: string
}

export type AuditFacts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** One audit row. SECURITY: `before` and `after` never hold a secret, a hash, a tag or a sealed value. */
export interface AuditRecord {
  /** `device.revoked`, `mailbox.added` … */
  readonly action: string
  /** An address, `ADDR/NAME`, or what else was changed. */
  readonly subject: string
  readonly subjectId: string | null
  readonly before: AuditFacts | null
  readonly after: AuditFacts | null
}

export interface Change {
  readonly db: Transaction<Schema>
  /** Milliseconds since 1970, UTC; the same for everything in this change. */
  readonly at: number
  audit(note: AuditRecord): Promise<void>
  /** Makes every gateway look again at its live sessions (design section 7). */
  moveGeneration(): Promise<void>
}

export interface StoreContextParts {
  readonly backend: Backend
  readonly actor: Actor
  readonly now: () => number
  readonly keyring: Keyring | (() => Keyring)
  /** Policy: generated app passwords only. */
  readonly generatedOnly: boolean
}

export class StoreContext {
  readonly backend: Backend
  readonly actor: Actor
  readonly now: () => number
  readonly generatedOnly: boolean
  #keyring: Keyring | (() => Keyring)
  /** One connection has one transaction at a time. */
  #lastChange: Promise<unknown> = Promise.resolve()

  constructor({ backend, actor, now, keyring, generatedOnly }: StoreContextParts) {
    this.backend = backend
    this.actor = actor
    this.now = now
    this.generatedOnly = generatedOnly
    this.#keyring = keyring
  }

  get db(): Kysely<Schema> {
    return this.backend.db
  }

  /** The master keys, loaded when first needed: most commands work without them. */
  keyring(): Keyring {
    if (typeof this.#keyring === 'function') this.#keyring = this.#keyring()
    return this.#keyring
  }

  /** Runs one change as a transaction that holds the write lock from its beginning. */
  change<Result>(act: (change: Change) => Promise<Result>): Promise<Result> {
    const result = this.#lastChange.then(() => this.db.transaction().execute(db => act(new OpenChange(db, this.actor, this.now()))))
    this.#lastChange = result.catch(() => undefined)
    return result
  }
}

class OpenChange implements Change {
  readonly db: Transaction<Schema>
  readonly at: number
  readonly #actor: Actor

  constructor(db: Transaction<Schema>, actor: Actor, at: number) {
    this.db = db
    this.#actor = actor
    this.at = at
  }

  async audit({ action, subject, subjectId, before, after }: AuditRecord): Promise<void> {
    const { name: actor, source } = this.#actor
    const json = (facts: AuditFacts | null): string | null => (facts === null ? null : JSON.stringify(facts))
    await this.db
      .insertInto('audit')
      .values({ at: this.at, actor, source, action, subject, subject_id: subjectId, before: json(before), after: json(after) })
      .execute()
  }

  async moveGeneration(): Promise<void> {
    await this.db
      .updateTable('generation')
      .set(row => ({ value: row('value', '+', 1) }))
      .execute()
  }
}

/** What differs between two states, as an audit row shows it; undefined: nothing. */
export function changedFacts(before: AuditFacts, after: AuditFacts): { before: AuditFacts; after: AuditFacts } | undefined {
  const names = Object.keys(after).filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
  const pick = (facts: AuditFacts): AuditFacts => Object.fromEntries(names.map(name => [name, facts[name] ?? null]))
  return names.length === 0 ? undefined : { before: pick(before), after: pick(after) }
}
