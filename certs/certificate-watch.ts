/**
 * Tells when certificate files may have changed. Watches their directories, not the files: certbot and Kubernetes put new
 * files in place by renaming links. A slow look at the files catches what no event told (a whole directory exchanged,
 * network file systems, no more inotify watches).
 */
import { type FSWatcher, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'

export interface WatchOptions {
  readonly files: readonly string[]
  /** Called when the files may have changed. */
  readonly onChange: () => void
  /** How long the directories must be quiet: both files of a pair are written by then. */
  readonly settleMs: number
  readonly pollMs: number
}

export class CertificateWatch {
  readonly #options: WatchOptions
  readonly #watchers: FSWatcher[] = []
  readonly #poll: NodeJS.Timeout
  #settle: NodeJS.Timeout | undefined
  /** Nothing at first: what changed between the first reading and the watch is found by the first look. */
  #seen = ''

  constructor(options: WatchOptions) {
    this.#options = options
    for (const directory of new Set(options.files.map(file => dirname(file)))) this.#watchDirectory(directory)
    this.#poll = setInterval(() => this.#look(), options.pollMs)
    this.#poll.unref()
  }

  close(): void {
    clearInterval(this.#poll)
    clearTimeout(this.#settle)
    for (const watcher of this.#watchers) watcher.close()
  }

  /** Whatever the files look like at the next slow look, it is told. */
  lookAgain(): void {
    this.#seen = ''
  }

  #watchDirectory(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.#lookSoon())
      // The directory was removed, or the system has no watches left: the slow look goes on.
      watcher.on('error', () => watcher.close())
      this.#watchers.push(watcher)
    } catch {
      // As above.
    }
  }

  #lookSoon(): void {
    clearTimeout(this.#settle)
    this.#settle = setTimeout(() => this.#look(), this.#options.settleMs)
    this.#settle.unref()
  }

  #look(): void {
    const now = describeFiles(this.#options.files)
    if (now === this.#seen) return
    // Recorded before the files are read: a change during the reading is seen at the next look.
    this.#seen = now
    this.#options.onChange()
  }
}

/** Differs when a file, or the file behind a link, is another one or was written. */
function describeFiles(files: readonly string[]): string {
  return files.map(describeFile).join('\n')
}

function describeFile(file: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(file)
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ')
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
