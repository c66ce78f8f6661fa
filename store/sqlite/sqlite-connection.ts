/**
 * One connection to a SQLite file: the only file that knows better-sqlite3.
 *
 * Invariants: every failure of the driver leaves as an error of ours with its cause; transactions of a writing connection take the write lock
 * when they begin, so that none fails half-way because another process was faster; a reader notices that its file was replaced.
 */
import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { MailwicketError } from '../../base/errors.ts'
import { Problem } from '../../base/problems.ts'
import type { BackendMode, OnProgress } from '../schema/backend.ts'

/** Long enough for a bounded batch of another process. Who can wait without holding up a thread waits longer: `sqlite-backend.ts`. */
const WRITE_WAIT_MS = 5_000
/** How long the thread of an administrative change stands still for the lock; between two tries others have it. */
const LOCK_WAIT_MS = 20
/** The loop that serves sessions must not stand still; readers of a WAL wait only for recovery after a crash. */
const READ_WAIT_MS = 1_000
/** Few queries exist and each has one text; the bound only guards against a text built from data. */
const MAX_CACHED_STATEMENTS = 500
/** A file that was replaced is noticed within this time; a look costs as much as a query. */
const IN_PLACE_MS = 250
/** 16 MiB a step: few enough calls, and a step blocks its process some milliseconds only. */
const PAGES_PER_BACKUP_STEP = 4_096

/** What the triggers of a store that has moved say before the place where it is. */
export const MOVED = 'moved to '

/** Also of the -shm file, and of a user's share, of which SQLite knows no name. */
const OUT_OF_SPACE = new Set(['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_IOERR_SHMSIZE'])

/** What kysely needs of a driver, with statements prepared once; and what only a SQLite file can do. */
export class SqliteConnection {
  readonly #database: Database.Database
  readonly #path: string
  readonly #mode: BackendMode
  readonly #statements = new Map<string, GuardedStatement>()
  readonly #inode: string
  #inPlaceUntil = 0

  constructor(path: string, mode: BackendMode) {
    this.#path = path
    this.#mode = mode
    this.#database = guarded(
      path,
      () => new Database(path, { readonly: mode === 'read', fileMustExist: true, timeout: mode === 'read' ? READ_WAIT_MS : WRITE_WAIT_MS }),
    )
    try {
      guarded(path, () => this.#configure())
      this.#inode = inodeOf(path)
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  #configure(): void {
    const database = this.#database
    if (this.#mode !== 'read') {
      database.pragma('journal_mode = WAL')
      database.pragma(`synchronous = ${this.#mode === 'write' ? 'FULL' : 'NORMAL'}`)
      database.pragma('foreign_keys = ON')
    }
    database.pragma('trusted_schema = OFF')
    // The first read: finds a file that is no database, and takes part in the WAL from now on.
    database.prepare('select count(*) from sqlite_schema').get()
    // From here on only the lock of a change is waited for, and `SqliteBackend.change` does that without standing still.
    if (this.#mode === 'write') database.pragma(`busy_timeout = ${LOCK_WAIT_MS}`)
  }

  prepare(sql: string): GuardedStatement {
    // What others write into a file that was moved away would never be seen, and would look like a store in which nothing changes.
    if (this.#mode === 'read' && performance.now() > this.#inPlaceUntil) this.checkInPlace()
    // Taking the write lock late could fail although nothing is wrong: two transactions that both read first.
    const text = sql === 'begin' && this.#mode !== 'read' ? 'begin immediate' : sql
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    if (this.#statements.size >= MAX_CACHED_STATEMENTS) this.#statements.clear()
    const statement = new GuardedStatement(
      this.#path,
      guarded(this.#path, () => this.#database.prepare<unknown[]>(text)),
      // On a full or unwritable disk SQLite has rolled back by itself; to do it again would be an error, told in place of the true one.
      () => text !== 'rollback' || this.#database.inTransaction,
    )
    this.#statements.set(text, statement)
    return statement
  }

  /** Copies the whole database as of one moment into an empty file. */
  async copyInto(file: string, onProgress: OnProgress): Promise<void> {
    // One snapshot from the first page to the last: without it SQLite begins anew whenever another process has written, which a gateway does every second.
    guarded(this.#path, () => this.#database.exec('begin; select count(*) from sqlite_schema'))
    try {
      await this.#database.backup(file, {
        progress: ({ totalPages, remainingPages }) => {
          onProgress?.({ done: totalPages - remainingPages, total: totalPages })
          return PAGES_PER_BACKUP_STEP
        },
      })
    } catch (error) {
      throw unavailable(error, file)
    } finally {
      this.#database.exec('rollback')
    }
  }

  /** Makes another database readable and writable beside this one as `name`; what is written there survives no crash, and foreign keys are not held any more. Not within a transaction. */
  attach(file: string, name: string): void {
    guarded(file, () => {
      this.#database.prepare(`attach database ? as "${name}"`).run(file)
      this.#database.pragma(`"${name}".synchronous = OFF`)
      this.#database.pragma('foreign_keys = OFF')
    })
  }

  /** Whether the structure holds. 'quick' leaves out the comparison of indices with their tables. Of one table, or of everything. */
  isSound(depth: 'quick' | 'full', table = '1'): boolean {
    try {
      // In the parentheses: the name of a table, or how many problems to find.
      return this.#database.pragma(`${depth === 'full' ? 'integrity_check' : 'quick_check'}(${table})`, { simple: true }) === 'ok'
    } catch (error) {
      if (isCorruption(error)) return false
      throw unavailable(error, this.#path)
    }
  }

  /** Without reading the table: the largest row number. */
  countAtMost(table: string): number {
    return guarded(this.#path, () => Number(this.#database.prepare<[], number | null>(`select max(rowid) from "${table}"`).pluck().get() ?? 0))
  }

  /** Folds everything pending into the one file, so that it may be renamed. Throws STORE_BUSY when others have it open. */
  becomeSingleFile(): void {
    // Fails as "locked" when anybody else has the database open.
    guarded(this.#path, () => this.#database.pragma('journal_mode = DELETE'))
  }

  /** Throws STORE_UNAVAILABLE when the database that was opened is no longer the one at its place: what others write would never be seen. */
  checkInPlace(): void {
    if (inodeOf(this.#path) !== this.#inode) throw new Problem('database.replaced', { path: this.#path })
    this.#inPlaceUntil = performance.now() + IN_PLACE_MS
  }

  close(): void {
    this.#statements.clear()
    guarded(this.#path, () => this.#database.close())
  }
}

const NOTHING_RUN: Database.RunResult = { changes: 0, lastInsertRowid: 0 }

class GuardedStatement {
  readonly #path: string
  readonly #statement: Database.Statement<unknown[]>
  readonly #isNeeded: () => boolean
  readonly reader: boolean

  constructor(path: string, statement: Database.Statement<unknown[]>, isNeeded: () => boolean) {
    this.#path = path
    this.#statement = statement
    this.#isNeeded = isNeeded
    this.reader = statement.reader
  }

  all(parameters: readonly unknown[]): unknown[] {
    return guarded(this.#path, () => this.#statement.all(...parameters))
  }

  run(parameters: readonly unknown[]): Database.RunResult {
    return this.#isNeeded() ? guarded(this.#path, () => this.#statement.run(...parameters)) : NOTHING_RUN
  }

  iterate(parameters: readonly unknown[]): IterableIterator<unknown> {
    return guarded(this.#path, () => this.#statement.iterate(...parameters))
  }
}

/** Which file stands at a path; '' when none does. */
function inodeOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? '' : `${found.dev}:${found.ino}`
}

function guarded<Result>(path: string, act: () => Result): Result {
  try {
    return act()
  } catch (error) {
    throw unavailable(error, path)
  }
}

function unavailable(error: unknown, path: string): MailwicketError {
  const reason = error instanceof Error ? error.message : String(error)
  if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY'))
    return new MailwicketError('STORE_BUSY', { message: `${path} is busy`, cause: error })
  // The place behind it is the end of the message.
  if (error instanceof Database.SqliteError && error.code === 'SQLITE_CONSTRAINT_TRIGGER' && reason.startsWith(MOVED))
    return new Problem('store.moved', { to: reason.slice(MOVED.length) }, error)
  if (isCorruption(error)) return new MailwicketError('STORE_DAMAGED', { message: `${path}: ${reason}`, cause: error })
  return new MailwicketError('STORE_UNAVAILABLE', { message: `${path}: ${reason}`, cause: error })
}

/** The database could not grow: nothing is left on the disk, or of what its user may take. */
export function isOutOfSpace(error: unknown): boolean {
  const cause = error instanceof MailwicketError ? error.cause : undefined
  return cause instanceof Database.SqliteError && OUT_OF_SPACE.has(cause.code)
}

function isCorruption(error: unknown): boolean {
  return error instanceof Database.SqliteError && (error.code.startsWith('SQLITE_CORRUPT') || error.code === 'SQLITE_NOTADB')
}
