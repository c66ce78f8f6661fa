/**
 * Import and export as the store offers them: which connection they use, and the copy on which an import is rehearsed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyToFile } from '../maintenance/copy-store.ts'
import { openBackend, openCopy, type StoreConfig } from '../open-backend.ts'
import { PasswordHasher } from '../passwords/password-hash.ts'
import { removeSqliteFile } from '../sqlite/sqlite-store-file.ts'
import type { StoreContext } from '../store-context.ts'
import { type ExportedMailbox, exportMailboxes } from './export.ts'
import { RehearsalHasher } from './import-passwords.ts'
import type { ImportOptions } from './import-rows.ts'
import { Importer } from './importer.ts'

export interface OpenImport {
  readonly importer: Importer
  close(): Promise<void>
}

/** Some hundred rows wait for their hash at a time. */
const HASHES_WAITING = 10_000

export class Transfer {
  readonly #context: StoreContext
  readonly #store: StoreConfig

  constructor(context: StoreContext, store: StoreConfig) {
    this.#context = context
    this.#store = store
  }

  /** A rehearsal works on a private copy that goes away with it: the store is not written, and what is said is what an import would do. */
  async openImport(options: ImportOptions): Promise<OpenImport> {
    // libuv has four threads: more hashes at once than cores gain nothing, and than threads wait anyway.
    const hasher = new PasswordHasher({ concurrency: Math.min(4, availableParallelism()), maxWaiting: HASHES_WAITING })
    if (!options.rehearse) return { importer: await Importer.open(this.#context, options, hasher), close: async () => {} }
    const folder = this.#store.sqlitePath === undefined ? mkdtempSync(join(tmpdir(), 'mailwicket-')) : undefined
    const path = folder === undefined ? `${this.#store.sqlitePath}.rehearsal` : join(folder, 'rehearsal.db')
    const remove = (): void => {
      removeSqliteFile(path)
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    }
    removeSqliteFile(path)
    try {
      await copyToFile(this.#context.backend, path, undefined)
      const backend = await openCopy(path, 'write-records')
      const close = async (): Promise<void> => {
        await backend.close()
        remove()
      }
      return { importer: await Importer.open(this.#context.over(backend), options, new RehearsalHasher(hasher)), close }
    } catch (error) {
      remove()
      throw error
    }
  }

  /** Every export is audited: it says who has what. */
  async export(options: {
    readonly withHashes: boolean
    /** How the audit calls the place. */
    readonly target: string
    readonly onPage: (page: readonly ExportedMailbox[], progress: { done: number; total: number }) => Promise<void>
  }): Promise<{ readonly mailboxes: number; readonly devices: number }> {
    const { withHashes, target, onPage } = options
    const reader = await openBackend(this.#store, 'read')
    try {
      const counts = await exportMailboxes(reader, { withHashes, onPage })
      await this.#context.change(change =>
        change.audit({ action: 'store.exported', subject: 'store', subjectId: null, before: null, after: { file: target, hashes: withHashes, ...counts } }),
      )
      return counts
    } finally {
      await reader.close()
    }
  }
}
