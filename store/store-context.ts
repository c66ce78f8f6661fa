/**
 * What every noun of the store works with, and the one way to change anything.
 *
 * Invariant: a change, its audit rows and its move of the generation are one transaction. Changes of several nouns may share one: the nouns that
 * `within` serves join the open change, and when one of them fails, all of it is undone, whoever caught the error.
 */
import type { Kysely, Transaction } from 'kysely'
import type { Keyring } from './keys/master-key.ts'
import type { AuditAction, AuditFact } from './schema/audit-words.ts'
import type { Backend } from './schema/backend.ts'
import type { Schema } from './schema/schema.ts'

/** Who changes something, and from where: `{ name: 'root', source: 'cli' }`. */
export interface Actor {
  readonly name: string
  readonly source: string
}

export type AuditFacts = { readonly [Fact in AuditFact]?: string | number | boolean | null | readonly string[] }

/** One audit row. SECURITY: `before` and `after` never hold a secret, a hash, a tag or a sealed value. */
export interface AuditRecord {
  readonly action: AuditAction
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
  audit(record: AuditRecord): Promise<void>
  /** Makes every gateway look again at its live sessions (architecture §7). */
  moveGeneration(): Promise<void>
}

export interface StoreContextParts {
  readonly backend: Backend
  readonly now: () => number
  readonly keyring: () => Keyring
  /** Policy: generated app passwords only. */
  readonly generatedOnly: boolean
}

export class StoreContext {
  readonly #parts: StoreContextParts
  readonly #actor: Actor
  /** Set while this context is part of a change. */
  readonly #open: OpenChange | undefined

  constructor(parts: StoreContextParts, actor: Actor, open?: OpenChange) {
    this.#parts = parts
    this.#actor = actor
    this.#open = open
  }

  get actor(): Actor {
    return this.#actor
  }

  get backend(): Backend {
    return this.#parts.backend
  }

  get generatedOnly(): boolean {
    return this.#parts.generatedOnly
  }

  /** Within a change: what that change has made so far is seen. */
  get db(): Kysely<Schema> {
    return this.#open?.db ?? this.#parts.backend.db
  }

  /** Milliseconds since 1970, UTC; within a change the time of the change. */
  readonly now = (): number => this.#open?.at ?? this.#parts.now()

  /** The master keys, loaded when first needed: most commands work without them. */
  keyring(): Keyring {
    return this.#parts.keyring()
  }

  /** Runs one change as a transaction that nobody else's change can come in between, or as a part of the change that is open. Throws STORE_BUSY. */
  change<Result>(act: (change: Change) => Promise<Result>): Promise<Result> {
    if (this.#open !== undefined) return this.#open.join(act)
    return this.#begin(act)
  }

  /** One change of several nouns: `act` gets a context for them. Waiting in it for anything but the store keeps every other writer waiting. */
  changeTogether<Result>(act: (context: StoreContext) => Promise<Result>): Promise<Result> {
    return this.change(change => act(new StoreContext(this.#parts, this.#actor, change as OpenChange)))
  }

  /** The same actor, keys and clock over another database. */
  over(backend: Backend): StoreContext {
    return new StoreContext({ ...this.#parts, backend }, this.#actor)
  }

  #begin<Result>(act: (change: Change) => Promise<Result>): Promise<Result> {
    let endsAccess = false
    return this.#parts.backend.change(
      async db => {
        const change = new OpenChange(db, this.#actor, this.#parts.now())
        const result = await act(change)
        change.checkWhole()
        // Whatever moves the generation may end a session, and nothing else may.
        endsAccess = change.hasMoved
        return result
      },
      () => endsAccess,
    )
  }
}

class OpenChange implements Change {
  readonly db: Transaction<Schema>
  readonly at: number
  readonly #actor: Actor
  #hasMoved = false
  #failure: { readonly error: unknown } | undefined

  constructor(db: Transaction<Schema>, actor: Actor, at: number) {
    this.db = db
    this.#actor = actor
    this.at = at
  }

  get hasMoved(): boolean {
    return this.#hasMoved
  }

  async join<Result>(act: (change: Change) => Promise<Result>): Promise<Result> {
    try {
      return await act(this)
    } catch (error) {
      this.#failure ??= { error }
      throw error
    }
  }

  /** A part that failed may have written something: nothing of it may be committed. Throws what the part threw. */
  checkWhole(): void {
    if (this.#failure !== undefined) throw this.#failure.error
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
    if (this.#hasMoved) return
    this.#hasMoved = true
    await this.db
      .updateTable('generation')
      .set(row => ({ value: row('value', '+', 1) }))
      .execute()
  }
}

/** What differs between two states, as an audit row shows it; undefined: nothing. */
export function changedFacts(before: AuditFacts, after: AuditFacts): { before: AuditFacts; after: AuditFacts } | undefined {
  const names = (Object.keys(after) as AuditFact[]).filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
  const pick = (facts: AuditFacts): AuditFacts => Object.fromEntries(names.map(name => [name, facts[name] ?? null]))
  return names.length === 0 ? undefined : { before: pick(before), after: pick(after) }
}
