/**
 * The files of a SQLite database: made private, copied, given their place, removed with what SQLite keeps beside them.
 */
import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { MailwicketError } from '../../base/errors.ts'
import { placeFile, replaceFile } from '../../base/files/durable-file.ts'
import { makeFolder, reasonOf, remedyOf } from '../../base/files/file-errors.ts'

/** What SQLite keeps beside a database. */
const COMPANIONS = ['-wal', '-shm', '-journal'] as const

/** Makes an empty database file, 0600, in a folder that is made 0700 if it is missing. Throws ALREADY_EXISTS. */
export function createSqliteFile(path: string): void {
  try {
    makeFolder(dirname(path), 0o700)
    // The driver would make it readable for others; -wal and -shm take over this mode.
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new MailwicketError('ALREADY_EXISTS', { message: `there is already a database: ${path}` })
    throw new MailwicketError('STORE_UNAVAILABLE', {
      message: `${path} cannot be written: ${reasonOf(error, path)}`,
      remedy: remedyOf(error, path),
      cause: error,
    })
  }
}

export function removeSqliteFile(path: string): void {
  for (const suffix of ['', ...COMPANIONS]) rmSync(`${path}${suffix}`, { force: true })
}

/** An empty draft beside the file that it will become; what a run that was killed left there is removed. */
export function createDraft(draft: string): void {
  removeSqliteFile(draft)
  createSqliteFile(draft)
}

/** Puts a closed database of one file in the place of another, which stays as `keptAs`. A database never meets the -wal file of another. */
export function placeSqliteFile(draft: string, path: string, keptAs: string | null): void {
  if (keptAs === null) return placeFile(draft, path)
  for (const suffix of COMPANIONS) if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${keptAs}${suffix}`)
  replaceFile(draft, path, keptAs)
}
