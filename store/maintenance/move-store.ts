/**
 * A store moves into another database while gateways and commands go on: all rows are copied, then the writers of the old store are held, what has changed is taken
 * over, both are compared table by table, the old store is closed for good and says where it went, and only then the new one may be used.
 *
 * Invariants: killed at any moment and run again it ends the same; at every moment exactly one of the two can be used, or, between the last two steps, none;
 * a target that holds anything else is not touched.
 */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Transaction } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import { Problem } from '../../base/problems.ts'
import { findMeta } from '../keys/store-keys.ts'
import { openBackend, type StoreConfig } from '../open-backend.ts'
import type { Backend, OnProgress } from '../schema/backend.ts'
import { checkForm, createTables, isNoStore, MIGRATIONS, readVersion, setMeta } from '../schema/migrations.ts'
import { closeMoved, openGeneration } from '../schema/moved-store.ts'
import type { Schema } from '../schema/schema.ts'
import { ServerClock } from '../server-clock.ts'
import { createSqliteFile } from '../sqlite/sqlite-store-file.ts'
import { type Actor, StoreContext } from '../store-context.ts'
import { type CopiedTable, countRows, digestOf, insertRows, NUMBERED, removeRows, TABLES, type Table } from './copy-rows.ts'
import { type RowWriter, syncTable } from './sync-rows.ts'

/** What has happened; from `held` to `closed` nobody can write into the old store. */
export type MoveStep = 'begun' | 'resumed' | 'copied' | 'held' | 'compared' | 'closed' | 'done'

export interface MoveOptions {
  readonly from: StoreConfig
  readonly to: StoreConfig
  readonly actor: Actor
  readonly now?: (() => number) | undefined
  /** Counts the rows of the old store, once for the copy and once for the last step. */
  readonly onProgress?: OnProgress
  readonly onStep?: (step: MoveStep) => void
}

export interface Move {
  /** Empty when the store had moved there before. */
  readonly tables: readonly CopiedTable[]
}

/** They belong to the gateways of the old store. */
const LEFT_BEHIND: readonly Table[] = ['nodes', 'sessions']
const MOVED = TABLES.filter(table => !LEFT_BEHIND.includes(table))
/** In the order in which gateways write, so that they and the last step do not wait for each other in a circle. */
const HELD = [...new Set<Table>(['last_connections', 'activity', 'sessions', 'sent_counts', 'upstream_keywords', 'nodes', ...TABLES])]
/** Whoever writes into the old store may take half a minute, or be in a circle after all. */
const MAX_TURNS = 5

/**
 * Throws NOT_FOUND (no such store or database), ALREADY_EXISTS (the target holds something else), STORE_MOVED (elsewhere), STORE_INCOMPLETE (the source is
 * itself an unfinished move), STORE_TOO_OLD, STORE_BUSY (others write all the time), STORE_IN_USE (another command moves it too), STORE_DAMAGED.
 */
export async function moveStore(options: MoveOptions): Promise<Move> {
  const { from, to } = options
  const source = await openBackend(from, 'write')
  try {
    const { movedTo, unfinishedMove, ...found } = await readVersion(source)
    checkForm(found, source)
    if (unfinishedMove !== undefined) throw new Problem('store.incomplete', { place: source.place })
    if (movedTo !== undefined && movedTo !== to.url) throw new Problem('store.moved', { to: movedTo })
    if (to.sqlitePath !== undefined && !existsSync(to.sqlitePath)) {
      refuseSecondCopy(movedTo)
      createSqliteFile(to.sqlitePath)
    }
    const target = await openBackend(to, 'write')
    try {
      const run = await takeTarget(source, target, movedTo, options)
      // Killed behind its very last step.
      if (run === undefined && movedTo !== undefined) return { tables: [] }
      if (run === undefined) throw new Problem('database.has-store', { place: target.place })
      return { tables: await new Mover(source, target, run, options).move(movedTo !== undefined) }
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** Makes the target this run's own. Undefined: it holds a store that is in use. */
async function takeTarget(source: Backend, target: Backend, movedTo: string | undefined, { onStep }: MoveOptions): Promise<string | undefined> {
  const store = await identityOf(source)
  const run = `${store} ${randomUUID()}`
  const found = await readVersion(target)
  if (isNoStore(found)) {
    refuseSecondCopy(movedTo)
    await createTables(target, db => setMeta(db, 'unfinished_move', run))
    onStep?.('begun')
    return run
  }
  const { unfinishedMove } = found
  if (unfinishedMove === undefined) return undefined
  if (!unfinishedMove.startsWith(`${store} `) || found.version !== MIGRATIONS.length) throw new Problem('move.other-store', { place: target.place })
  await target.change(async db => {
    // SECURITY: the run before may just have ended: then gateways write there.
    if ((await findMeta(db, 'unfinished_move')) !== unfinishedMove) throw new Problem('move.taken-over', { place: target.place })
    await setMeta(db, 'unfinished_move', run)
  })
  onStep?.('resumed')
  return run
}

/** Where a closed store went there is none: that is another machine's place, or it was lost. What is copied now would be a second one, as of the day of the move. */
function refuseSecondCopy(movedTo: string | undefined): void {
  if (movedTo !== undefined) throw new Problem('store.moved', { to: movedTo })
}

/** By its first entry in the audit, which is never removed. */
async function identityOf({ db }: Backend): Promise<string> {
  const first = await db.selectFrom('audit').selectAll().orderBy('id').limit(1).executeTakeFirst()
  return createHash('sha256')
    .update(JSON.stringify([first?.at, first?.actor, first?.after]))
    .digest('hex')
}

class Mover {
  readonly #source: Backend
  readonly #target: Backend
  readonly #run: string
  readonly #options: MoveOptions
  readonly #writer: RowWriter

  constructor(source: Backend, target: Backend, run: string, options: MoveOptions) {
    this.#source = source
    this.#target = target
    this.#run = run
    this.#options = options
    this.#writer = {
      add: (table, rows) => this.#write(db => insertRows(db, table, rows)),
      remove: (table, rows) => {
        if (table === 'audit') throw new Problem('move.audit-differs', { place: target.place })
        return this.#write(db => removeRows(db, table, rows))
      },
    }
  }

  async move(isClosed: boolean): Promise<readonly CopiedTable[]> {
    const { onStep } = this.#options
    if (!isClosed) {
      await this.#takeOver(async () => {})
      onStep?.('copied')
    }
    const tables = await this.#inTurn(() => this.#close(isClosed))
    onStep?.('closed')
    await this.#finish(tables)
    onStep?.('done')
    return tables
  }

  /** The rows of the source as of one moment become those of the target. */
  async #takeOver(check: (table: CopiedTable & { readonly isChanged: boolean }) => Promise<void>): Promise<CopiedTable[]> {
    const reader = await openBackend(this.#options.from, 'read')
    try {
      return await reader.snapshot(async db => {
        let total = 0
        for (const table of MOVED) total += await countRows(db, table)
        let done = 0
        const onRows = (rows: number): void => {
          done += rows
          this.#options.onProgress?.({ done, total })
        }
        const tables: CopiedTable[] = []
        for (const table of MOVED) {
          const { isChanged, ...copied } = await syncTable(db, this.#target.db, table, { writer: this.#writer, onRows })
          await check({ ...copied, isChanged })
          tables.push(copied)
        }
        return tables
      })
    } finally {
      await reader.close()
    }
  }

  /** The last step in the old store: if it fails or is killed, that is as it was. */
  #close(isClosed: boolean): Promise<readonly CopiedTable[]> {
    const { to, onStep } = this.#options
    const { ddl } = this.#source
    return this.#source.change(async db => {
      for (const work of ['activity', 'limits'] as const) await this.#source.serialise(db, work)
      for (const statement of ddl.holdWriters(HELD)) await statement.execute(db)
      const movedTo = await findMeta(db, 'moved_to')
      if (movedTo !== undefined && movedTo !== to.url) throw new Problem('store.moved', { to: movedTo })
      onStep?.('held')
      const tables = await this.#takeOver(table => this.#verify(table))
      onStep?.('compared')
      if (!isClosed && movedTo === undefined) await closeMoved(db, ddl, TABLES, to.url)
      return tables
    })
  }

  /** What was found equal row by row need not be read again. */
  async #verify({ table, rows, digest, isChanged }: CopiedTable & { readonly isChanged: boolean }): Promise<void> {
    if (!isChanged) return
    const arrived = await digestOf(this.#target.db, table as Table)
    if (arrived.digest === digest && arrived.rows === rows) return
    throw new MailwicketError('STORE_DAMAGED', { message: `table ${table}: ${rows} rows were copied, and ${arrived.rows} others arrived` })
  }

  /** From now on the target can be used. */
  async #finish(tables: readonly CopiedTable[]): Promise<void> {
    const { from, to, actor, now: machineNow = Date.now } = this.#options
    const { now } = await ServerClock.open(this.#target, machineNow)
    const parts = { backend: this.#target, now, keyring: noKeyring, generatedOnly: false }
    await new StoreContext(parts, actor).change(async change => {
      const { db } = change
      await this.#checkOwn(db)
      for (const table of NUMBERED) for (const statement of this.#target.ddl.numberFromHere(table)) await statement.execute(db)
      // Taken over once more from a store that was closed already, it would say of this one that it has moved.
      await openGeneration(db)
      await db.deleteFrom('meta').where('name', '=', 'unfinished_move').execute()
      const rows = tables.reduce((sum, table) => sum + table.rows, 0)
      await change.audit({ action: 'store.moved', subject: 'store', subjectId: null, before: { place: from.url }, after: { place: to.url, rows } })
    })
  }

  async #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    for (let turn = 1; ; turn++) {
      try {
        return await act()
      } catch (error) {
        if (turn === MAX_TURNS || !(error instanceof MailwicketError && error.code === 'STORE_BUSY')) throw error
      }
    }
  }

  async #write(act: (db: Transaction<Schema>) => Promise<void>): Promise<void> {
    await this.#target.change(async db => {
      await this.#checkOwn(db)
      await act(db)
    })
  }

  /** SECURITY: a second run may have ended the move, and then a gateway writes there. Throws STORE_IN_USE. */
  async #checkOwn(db: Transaction<Schema>): Promise<void> {
    if ((await findMeta(db, 'unfinished_move')) !== this.#run) throw new Problem('move.taken-over', { place: this.#target.place })
  }
}

function noKeyring(): never {
  throw new MailwicketError('KEY_UNREADABLE', { message: 'a move has no keys' })
}
