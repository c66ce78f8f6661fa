/**
 * Which rows an import has had before, word for word: joined spreadsheets have them. Remembered by hash, some 70 bytes a row.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { RawRow } from './import-fields.ts'

export class SeenRows {
  // SECURITY: rows hold passwords; without the key of this run nobody can try words against what is kept.
  readonly #key = randomBytes(32)
  readonly #seen = new Set<string>()

  /** And remembers it. */
  has({ mailbox, devices }: RawRow): boolean {
    const hash = createHmac('sha256', this.#key)
      .update(JSON.stringify([mailbox, devices]))
      .digest('base64')
      .slice(0, 24)
    if (this.#seen.has(hash)) return true
    this.#seen.add(hash)
    return false
  }
}
