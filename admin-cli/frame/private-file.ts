/**
 * A new file that only its owner can read, for what an export or an import writes down. Never over a file that is there.
 */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { MailwicketError } from '../../base/errors.ts'
import { fileFailure } from '../../base/files/file-errors.ts'

export interface PrivateFile {
  readonly path: string
  write(text: string): void
  /** Waits until what was written is on the disk. */
  sync(): void
  close(): void
  /** Closes it and takes it away. */
  discard(): void
}

/** Throws ALREADY_EXISTS, FILE_UNUSABLE. */
export function createPrivateFile(path: string): PrivateFile {
  let file: number
  try {
    file = openSync(path, 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new MailwicketError('ALREADY_EXISTS', {
        message: `there is already a file ${path}`,
        remedy: 'Name a file that does not exist yet; nothing is overwritten.',
      })
    throw fileFailure(error, path, 'written')
  }
  let isOpen = true
  const close = (): void => {
    if (isOpen) closeSync(file)
    isOpen = false
  }
  return {
    path,
    write(text) {
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    },
    sync: () => fsyncSync(file),
    close,
    discard() {
      close()
      rmSync(path, { force: true })
    },
  }
}
