/**
 * The audit: who changed what, from where, before and after. Append only; `store-context.ts` writes it.
 */
import type { AuditFacts, StoreContext } from './store-context.ts'

export interface AuditEntry {
  readonly id: number
  readonly at: number
  readonly actor: string
  readonly source: string
  /** `device.revoked`, `mailbox.added` … */
  readonly action: string
  /** An address, `ADDR/NAME`, or what else was changed, as it was called then. */
  readonly subject: string
  readonly subjectId: string | null
  readonly before: AuditFacts | null
  readonly after: AuditFacts | null
}

export interface AuditFilter {
  readonly since?: number | undefined
  /** An address (with its devices), `ADDR/NAME`, or an ID. */
  readonly subject?: string | undefined
  /** The newest so many. */
  readonly limit?: number | undefined
}

const DEFAULT_LIMIT = 1_000

export class AuditLog {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Oldest first. */
  async list({ since, subject, limit = DEFAULT_LIMIT }: AuditFilter = {}): Promise<AuditEntry[]> {
    let query = this.#context.db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(limit)
    if (since !== undefined) query = query.where('at', '>=', since)
    if (subject !== undefined) {
      const name = subject.toLowerCase()
      query = query.where(({ or, and, eb, fn }) =>
        or([
          eb('subject', '=', subject),
          eb(fn<string>('lower', ['subject']), '=', name),
          eb('subject_id', '=', name),
          // "0" follows "/": everything that begins with the address and a slash lies between.
          and([eb('subject', '>=', `${name}/`), eb('subject', '<', `${name}0`)]),
        ]),
      )
    }
    const rows = await query.execute()
    return rows
      .reverse()
      .map(({ subject_id: subjectId, before, after, ...row }) => ({ ...row, subjectId, before: parseFacts(before), after: parseFacts(after) }))
  }
}

function parseFacts(json: string | null): AuditFacts | null {
  return json === null ? null : (JSON.parse(json) as AuditFacts)
}
