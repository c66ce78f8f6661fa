/**
 * Files that must be there, whole, after a power failure, and must never replace another.
 */
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { MailwicketError } from './errors.ts'

/** File systems without hard links say so in different words. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** Gives a finished file its name; its draft name is gone then. Throws ALREADY_EXISTS. */
export function placeFile(draft: string, path: string): void {
  syncPath(draft)
  linkNew(draft, path)
  rmSync(draft, { force: true })
  syncPath(dirname(path))
}

/** Unlike a rename, a link never replaces what is there; where there are no links, a look before the rename has to do. */
function linkNew(draft: string, path: string): void {
  try {
    linkSync(draft, path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (code === 'EEXIST' || (NO_LINKS.has(code) && existsSync(path))) {
      throw new MailwicketError('ALREADY_EXISTS', { message: `there is already a file ${path}`, cause: error })
    }
    if (!NO_LINKS.has(code)) throw error
    renameSync(draft, path)
  }
}

/** Puts `draft` in the place of `path`, which stays as `keptAs`; at no moment is there nothing, where the file system has links. */
export function replaceFile(draft: string, path: string, keptAs: string): void {
  syncPath(draft)
  linkNew(path, keptAs)
  renameSync(draft, path)
  syncPath(dirname(path))
}

/** Waits until a file, or the names in a folder, are on the disk. */
export function syncPath(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
