/**
 * SQLite: the only file that knows better-sqlite3. Opens a connection and gives it to kysely; everything SQL says otherwise stays in the noun files.
 *
 * Invariants: the database and its -wal and -shm are 0600; every failure of the driver leaves as STORE_UNAVAILABLE with its cause;
 * transactions of a writing connection take the write lock when they begin, so that none fails half-way because another process was faster.
 */
import { closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import type { Backend, Ddl } from '../schema/backend.ts'
import type { Schema } from '../schema/schema.ts'

/** Long enough for a migration or a bounded batch of another process; an administrator waits no longer. */
const WRITE_WAIT_MS = 5_000
/** The loop that serves sessions must not stand still; readers of a WAL wait only for recovery after a crash. */
const READ_WAIT_MS = 1_000
/** Few queries exist and each has one text; the bound only guards against a text built from data. */
const MAX_CACHED_STATEMENTS = 500
/** 16 MiB a step: few enough calls, and a step blocks its process some milliseconds only. */
const PAGES_PER_BACKUP_STEP = 4_096

const DDL: Ddl = {
  bytes: sql`blob`,
  rowNumber: column => column.primaryKey().autoIncrement(),
  findTable: table => sql`select 1 from sqlite_schema where type = 'table' and name = ${table}`,
  appendOnly: table =>
    [
      `create trigger ${table}_no_update before update on ${table}`,
      `create trigger ${table}_no_delete before delete on ${table}`,
      // REPLACE deletes without asking the trigger above, unless the connection says otherwise.
      `create trigger ${table}_no_replace before insert on ${table} when exists (select 1 from ${table} where id = new.id)`,
    ].map(trigger => sql.raw(`${trigger} begin select raise(abort, '${table} is append only'); end`)),
}

export type SqliteMode =
  /** Administrative changes: a commit survives a power failure. */
  | 'write'
  /** The gateway's records: a commit survives a crash of the process; a power failure may cost the last seconds. */
  | 'write-records'
  | 'read'

/** Makes an empty database file, 0600, in a folder that is made 0700 if it is missing. Throws ALREADY_EXISTS. */
export function createSqliteFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    // The driver would make it readable for others; -wal and -shm take over this mode.
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new MailwicketError('ALREADY_EXISTS', { message: `there is already a database: ${path}` })
    throw unavailable(error, path)
  }
}

/**
 * Opens an existing database. 'read' needs a writing connection that was opened before (in any thread or process):
 * only a writer may make the -wal and -shm files and clean up after a crash.
 * Throws NOT_FOUND, STORE_UNAVAILABLE.
 */
export function openSqlite(path: string, mode: SqliteMode): Backend {
  if (!existsSync(path))
    throw new MailwicketError('NOT_FOUND', {
      message: `there is no database: ${path}`,
      remedy: 'Run `mailwicket init`, or `mailwicket restore FILE` if you have a backup.',
    })
  const connection = new SqliteConnection(path, mode)
  return {
    db: new Kysely<Schema>({ dialect: new SqliteDialect({ database: connection }) }),
    ddl: DDL,
    backupTo: (file, onProgress) => connection.backupTo(file, onProgress),
    attach: (file, name) => connection.attach(file, name),
    isSound: (depth, table) => connection.isSound(depth, table),
    becomeSingleFile: () => connection.becomeSingleFile(),
    checkInPlace: () => connection.checkInPlace(),
    close: () => connection.close(),
  }
}

/** What kysely needs of a driver, with statements prepared once. */
class SqliteConnection {
  readonly #database: Database.Database
  readonly #path: string
  readonly #mode: SqliteMode
  readonly #statements = new Map<string, GuardedStatement>()
  readonly #inode: string

  constructor(path: string, mode: SqliteMode) {
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
  }

  prepare(sql: string): GuardedStatement {
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

  async backupTo(file: string, onProgress: (done: number, total: number) => void): Promise<void> {
    // One snapshot from the first page to the last: without it SQLite begins anew whenever another process has written, which a gateway does every second.
    guarded(this.#path, () => this.#database.exec('begin; select count(*) from sqlite_schema'))
    try {
      await this.#database.backup(file, {
        progress: ({ totalPages, remainingPages }) => {
          onProgress(totalPages - remainingPages, totalPages)
          return PAGES_PER_BACKUP_STEP
        },
      })
    } catch (error) {
      throw unavailable(error, file)
    } finally {
      this.#database.exec('rollback')
    }
  }

  attach(file: string, name: string): void {
    guarded(file, () => {
      this.#database.prepare(`attach database ? as "${name}"`).run(file)
      this.#database.pragma(`"${name}".synchronous = OFF`)
      this.#database.pragma('foreign_keys = OFF')
    })
  }

  isSound(depth: 'quick' | 'full', table = '1'): boolean {
    try {
      // In the parentheses: the name of a table, or how many problems to find.
      return this.#database.pragma(`${depth === 'full' ? 'integrity_check' : 'quick_check'}(${table})`, { simple: true }) === 'ok'
    } catch (error) {
      if (isCorruption(error)) return false
      throw unavailable(error, this.#path)
    }
  }

  becomeSingleFile(): void {
    // Fails as "locked" when anybody else has the database open.
    guarded(this.#path, () => this.#database.pragma('journal_mode = DELETE'))
  }

  checkInPlace(): void {
    if (inodeOf(this.#path) === this.#inode) return
    throw new MailwicketError('STORE_UNAVAILABLE', {
      message: `${this.#path} was replaced or removed while it was in use`,
      remedy: 'Restart the gateway; use `mailwicket restore` to replace a store.',
    })
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
  if (isCorruption(error)) return new MailwicketError('STORE_DAMAGED', { message: `${path}: ${reason}`, cause: error })
  return new MailwicketError('STORE_UNAVAILABLE', { message: `${path}: ${reason}`, cause: error })
}

function isCorruption(error: unknown): boolean {
  return error instanceof Database.SqliteError && (error.code.startsWith('SQLITE_CORRUPT') || error.code === 'SQLITE_NOTADB')
}
