/**
 * The limiter's counts for a person: who is held back now, and letting go of it.
 */
import { sql } from 'kysely'
import { normaliseAddress } from '../../base/address.ts'
import { blockOf, formatCidr, parseCidr } from '../../base/network.ts'
import { Problem } from '../../base/problems.ts'
import { type CountedKind, FAILURE_LIMITS, type Restriction, restrictionOf, SHARED_FROM } from '../schema/failure-limits.ts'
import { listAll, readLongPage, readSorted, type SortOrder } from '../schema/keyset.ts'
import { CLEARED_KEPT_MS } from '../schema/retention.ts'
import { SHORT_LOGIN } from '../schema/short-login.ts'
import type { Change, StoreContext } from '../store-context.ts'
import { newestRevision } from './limit-records.ts'

export interface Limit {
  readonly kind: CountedKind
  /** IPv4 address or IPv6 /64; null for a mailbox's own count. */
  readonly block: string | null
  /** Address or login; null for a block's own count. There need not be such a mailbox or person. */
  readonly address: string | null
  /** Distinct wrong secrets. */
  readonly failures: number
  readonly restriction: Restriction
  /** Milliseconds since 1970, UTC: then the count starts anew. */
  readonly until: number
}

/** `all`, an address of a mailbox, an IP address or an IPv6 /64. */
export type LimitTarget = 'all' | { readonly subject: string }

interface CountRow {
  readonly kind: CountedKind
  readonly subject: string
  readonly count: number
  readonly expires_at: number
}

const HIGHEST_FIRST: SortOrder<CountRow> = {
  name: 'count',
  direction: 'asc',
  keys: [
    { column: sql`-${sql.ref('count')}`, valueOf: row => -row.count },
    { column: sql.ref('subject'), valueOf: row => row.subject },
    { column: sql.ref('kind'), valueOf: row => row.kind },
  ],
}

export class Limits {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** The highest counts first, one after the other, in constant memory. Counts under five are not written, so they are not here. */
  all(most?: number): AsyncGenerator<Limit> {
    const { db, now } = this.#context
    const query = db
      .selectFrom('failure_counts')
      .select(['kind', 'subject', 'count', 'expires_at'])
      .where('expires_at', '>', now())
      // A program before or after this one may count what we do not know.
      .where('kind', 'in', Object.keys(FAILURE_LIMITS) as CountedKind[])
      .where('count', '>=', SHARED_FROM)
    return readSorted(
      request => readLongPage<CountRow>(query, HIGHEST_FIRST, request),
      rows => rows.map(toLimit),
      most,
    )
  }

  /** For what is known to be short. */
  list(): Promise<Limit[]> {
    return listAll(this.all())
  }

  /** Forgets counts; gateways hear of it within two seconds. Gives how many. Throws BAD_INPUT, NOT_FOUND. */
  async clear(target: LimitTarget): Promise<{ readonly cleared: number }> {
    const wanted = target === 'all' ? undefined : readSubject(target.subject)
    return this.#context.change(async change => {
      await this.#context.backend.serialise(change.db, 'limits')
      const rows = (await this.#live(change)).filter(({ kind, subject }) => {
        const { block, address } = partsOf(kind, subject)
        return wanted === undefined || wanted === block || wanted === address
      })
      if (rows.length === 0 && wanted !== undefined) throw new Problem('limits.unknown', { subject: wanted })
      let revision = await newestRevision(change.db)
      for (const { kind, subject } of rows) {
        revision += 1
        await change.db
          .updateTable('failure_counts')
          .set({ count: 0, revision, expires_at: change.at + CLEARED_KEPT_MS })
          .where('kind', '=', kind)
          .where('subject', '=', subject)
          .execute()
      }
      await change.audit({ action: 'limits.cleared', subject: wanted ?? 'all', subjectId: null, before: { counts: rows.length }, after: { counts: 0 } })
      return { cleared: rows.length }
    })
  }

  #live(change: Change) {
    return change.db.selectFrom('failure_counts').select(['kind', 'subject']).where('expires_at', '>', change.at).where('count', '>', 0).execute()
  }
}

function toLimit({ kind, subject, count, expires_at: until }: CountRow): Limit {
  const { block, address } = partsOf(kind, subject)
  return { kind, block, address, failures: count, restriction: restrictionOf(kind, count), until }
}

function partsOf(kind: CountedKind, subject: string): { block: string | null; address: string | null } {
  if (kind === 'block') return { block: subject, address: null }
  if (kind === 'mailbox' || kind === 'account' || kind === 'second') return { block: null, address: subject }
  const [block = '', address = ''] = subject.split(' ')
  return { block, address }
}

function readSubject(text: string): string {
  const address = normaliseAddress(text)
  if (address !== undefined) return address
  try {
    const { address, prefixBits } = parseCidr(text)
    const block = blockOf(address.toString())
    if (prefixBits === (address.kind() === 'ipv4' ? 32 : 128) || block === formatCidr({ address, prefixBits })) return block
  } catch {
    // Not even a network.
  }
  if (SHORT_LOGIN.test(text)) return text
  throw new Problem('limits.subject-form', { text })
}
