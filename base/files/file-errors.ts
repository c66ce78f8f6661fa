/**
 * What is wrong with a file or folder that somebody named, in words: whose it is, who we are, what to do. The one place for errno of files.
 */
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { MailwicketError } from '../errors.ts'

type FileError = NodeJS.ErrnoException & { readonly path: string }

/** An error of a system call with a path; everything else that is thrown is somebody else's. */
export function isFileError(error: unknown): error is FileError {
  if (!(error instanceof Error)) return false
  const { code, syscall, path } = error as NodeJS.ErrnoException
  return typeof code === 'string' && typeof syscall === 'string' && typeof path === 'string'
}

const REASONS: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  ENOENT: ['there is no such file or folder', 'Look how it is spelt; a folder has to be made first.'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'Look how it is spelt.'],
  EISDIR: ['it is a directory', 'Name a file in it.'],
  EEXIST: ['it is there already', 'Name one that does not exist yet; nothing is overwritten.'],
  ENOTEMPTY: ['the folder is not empty', 'Name another, or clear it first.'],
  ENOSPC: ['the disk is full', 'Make room (df -h), or name a place on another disk.'],
  EDQUOT: ['the disk quota is used up', 'Make room, or name a place on another disk.'],
  EFBIG: ['it would be larger than this disk or user may have files', 'Name a place on another disk.'],
  EROFS: ['the file system is read-only', 'Name a place that can be written.'],
  EBUSY: ['another program holds it', 'Try again when that is done.'],
  ETXTBSY: ['another program runs it', 'Try again when that is done.'],
  ELOOP: ['its symbolic links lead in a circle', 'Mend the links.'],
  ENAMETOOLONG: ['the name is too long', 'Name a shorter one.'],
  EXDEV: ['it lies on another file system', 'Name a place on the same file system.'],
  EMFILE: ['too many files are open', 'Try again; if it stays so, raise the limit of open files (ulimit -n).'],
  ENFILE: ['the system has too many files open', 'Try again; if it stays so, look which program holds them.'],
  EIO: ['the disk reports an error', 'Look at the system log: the disk may be failing.'],
  ESTALE: ['the file server has forgotten it', 'Mount it again.'],
  EINVAL: ['this kind of file cannot be used so', 'Name an ordinary file.'],
  ENXIO: ['this kind of file cannot be used so', 'Name an ordinary file.'],
  ESPIPE: ['this kind of file cannot be used so', 'Name an ordinary file.'],
  ERR_INVALID_ARG_VALUE: ['a path has no NUL in it', 'Look how it is spelt.'],
}

/** Ends a sentence: "permission denied: it belongs to root (mode 0600), and this runs as mailwicket". */
export function reasonOf(error: unknown, path: string): string {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (isDenied(code)) {
    const { what, owner, mode } = ownerOf(path)
    return `permission denied: ${what} belongs to ${owner} (mode ${mode}), and this runs as ${ourName()}`
  }
  return REASONS[code]?.[0] ?? (error instanceof Error ? error.message : String(error))
}

/** What to do about it. */
export function remedyOf(error: unknown, path: string): string {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (!isDenied(code)) return REASONS[code]?.[1] ?? 'See the reason above.'
  const { owner } = ownerOf(path)
  return owner === 'root' ? 'Run the command as root, or name a place that is yours.' : `Run the command as that user: runuser -u ${owner} -- COMMAND`
}

/** Throws nothing; for a file that a person named and no more precise code fits. */
export function fileFailure(error: unknown, path: string, act: 'read' | 'written' | 'used'): MailwicketError {
  return new MailwicketError('FILE_UNUSABLE', {
    message: `${path} cannot be ${act}: ${reasonOf(error, path)}.`,
    remedy: remedyOf(error, path),
    cause: error,
  })
}

/** Makes a folder and those above it that are missing. Not by `recursive`: Node never comes back from it where a file system has no new folders. */
export function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    const parent = dirname(path)
    if (code !== 'ENOENT' || parent === path || existsSync(parent)) throw error
    makeFolder(parent, mode)
    mkdirSync(path, { mode })
  }
}

/** Throws an error of a system call for a folder or a device: some give zeros for ever, and nobody means to read one. Files, pipes and sockets end. */
export function checkEnds(path: string): void {
  const stats = statSync(path)
  if (stats.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR', syscall: 'read', path })
  if (stats.isCharacterDevice() || stats.isBlockDevice()) throw Object.assign(new Error('a device'), { code: 'EINVAL', syscall: 'read', path })
}

const isDenied = (code: string): boolean => code === 'EACCES' || code === 'EPERM'

/** Of the file, or of the folder on the way to it that shuts us out. */
function ownerOf(path: string): { readonly what: string; readonly owner: string; readonly mode: string } {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { uid, mode } = statSync(at)
      return { what: at === path ? 'it' : `the folder ${at}`, owner: nameOfUser(uid), mode: (mode & 0o7777).toString(8).padStart(4, '0') }
    } catch {
      // It is not there, or may not even be looked at: the next one up.
      if (dirname(at) === at) return { what: 'it', owner: 'nobody known', mode: 'unknown' }
    }
  }
}

export function nameOfUser(uid: number): string {
  if (uid === 0) return 'root'
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find(entry => entry.split(':')[2] === String(uid))
    return line?.split(':')[0] ?? `uid ${uid}`
  } catch {
    return `uid ${uid}`
  }
}

function ourName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run under a number that has no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
