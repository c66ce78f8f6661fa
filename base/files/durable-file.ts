/**
 * Files that must be there, whole, after a power failure, and must never replace another.
 */
import { chmodSync, chownSync, closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { MailwicketError } from '../errors.ts'
import { nameOfUser } from './file-errors.ts'

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

/**
 * Gives `draft` the owner, the group and the mode of `model`, so that whoever used that file can use this one: a command that root runs must not
 * lock a service out. Throws FILE_UNUSABLE; then nothing has changed but the draft.
 */
export function takeOwnerOf(draft: string, model: string): void {
  const [wanted, has] = [statSync(model), statSync(draft)]
  if (wanted.uid !== has.uid || wanted.gid !== has.gid) {
    try {
      chownSync(draft, wanted.uid, wanted.gid)
    } catch (error) {
      const owner = nameOfUser(wanted.uid)
      throw new MailwicketError('FILE_UNUSABLE', {
        message: `${model} belongs to ${owner}, and a file of this user in its place would lock ${owner} out: nothing was changed.`,
        remedy: `Run the command as root, or as that user: runuser -u ${owner} -- COMMAND`,
        cause: error,
      })
    }
  }
  chmodSync(draft, wanted.mode & 0o7777)
}

/** Puts `draft` in the place of `path`, which stays as `keptAs`; at no moment is there nothing, where the file system has links. */
export function replaceFile(draft: string, path: string, keptAs: string): void {
  takeOwnerOf(draft, path)
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
