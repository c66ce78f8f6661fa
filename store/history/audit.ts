/**
 * The audit: who changed what, from where, before and after. Append only; `store-context.ts` writes it.
 */
import { isIP } from 'node:net'
import { type Expression, type Kysely, type RawBuilder, type Selectable, type SqlBool, sql } from 'kysely'
import { parseAddress } from '../../base/address.ts'
import { MailwicketError } from '../../base/errors.ts'
import type { DeviceId } from '../../base/ids.ts'
import { isInNetworks, type Network } from '../../base/network.ts'
import { resolveDevice } from '../accounts/devices/device-names.ts'
import { isLargeShare, isWithin, isWithinBy, type MailboxSet } from '../accounts/mailbox-set.ts'
import { countUpTo, escapeLike, listAll, type Page, type PageRequest, readAll, readMeantPage, readPage, type SortOrder } from '../schema/keyset.ts'
import type { AuditTable, Schema } from '../schema/schema.ts'
import type { AuditFacts, StoreContext } from '../store-context.ts'

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
  /** An address: what was done to it and to its devices, also after it was removed. */
  readonly mailbox?: string | undefined
  /** ID, the beginning of one, or `ADDR/NAME`; a device that is gone is found by what it was called. */
  readonly device?: string | undefined
  /** Who did it: the name, or a part of where it came from. */
  readonly actor?: string | undefined
  /** `device.revoked`, or `device` for all that begins with it. */
  readonly action?: string | undefined
  readonly until?: number | undefined
  /** What was done to such mailboxes and their devices, as far as they are still there. */
  readonly within?: MailboxSet | undefined
  /** Besides `within`: whatever this actor did. */
  readonly orBy?: string | undefined
}

/** No database of ours compares an address with a network. What was done on the server's own command line came from none. */
export interface PagedAuditFilter extends AuditFilter {
  readonly network?: Network | undefined
}

/** `portal 203.0.113.9`, `api 203.0.113.9 mwt_3f9k…`: where it came from has the address as its second word. */
function isDoneFrom(network: Network): (row: { readonly source: string }) => boolean {
  return ({ source }) => {
    const [, ip = ''] = source.split(' ')
    return isIP(ip) !== 0 && isInNetworks(ip, [network])
  }
}

/** What tells whether something was changed since it was looked at. */
export type Version = number

const DEFAULT_LIMIT = 1_000
/** Of whoever did so much, a page is found soon. */
const MANY_ACTS = 2_000

export class AuditLog {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** The newest so many, oldest first, one after the other in constant memory. */
  async *newest({ limit = DEFAULT_LIMIT, ...filter }: AuditFilter & { readonly limit?: number | undefined } = {}): AsyncGenerator<AuditEntry> {
    const oldest = await (await this.#filtered(filter))
      .select('id')
      .orderBy('id', 'desc')
      .offset(limit - 1)
      .limit(1)
      .executeTakeFirst()
    const rows = (await this.#filtered(filter)).selectAll().where('id', '>=', oldest?.id ?? 0)
    for await (const row of readAll(request => readPage<Selectable<AuditTable>>(rows, OLDEST_FIRST, request), limit)) yield toEntry(row)
  }

  /** The same for what is known to be short. */
  list(filter: AuditFilter & { readonly limit?: number | undefined } = {}): Promise<AuditEntry[]> {
    return listAll(this.newest(filter))
  }

  /** Newest first; with `network`, a page may have fewer rows than it could. Throws BAD_INPUT when `after` is not of this list. */
  async page({
    filter: { network, ...filter } = {},
    ...request
  }: PageRequest & { readonly filter?: PagedAuditFilter | undefined } = {}): Promise<Page<AuditEntry>> {
    const query = (await this.#filtered(filter)).selectAll()
    const { rows, next } =
      network === undefined ? await readPage(query, NEWEST_FIRST, request) : await readMeantPage(query, NEWEST_FIRST, request, isDoneFrom(network))
    return { rows: rows.map(toEntry), next }
  }

  /** One after the other, newest first, in constant memory. */
  all(filter: AuditFilter = {}): AsyncGenerator<AuditEntry> {
    return readAll(request => this.page({ ...request, filter }))
  }

  async count(filter: AuditFilter = {}): Promise<number> {
    const { n } = await (await this.#filtered(filter)).select(({ fn }) => fn.countAll<number>().as('n')).executeTakeFirstOrThrow()
    return Number(n)
  }

  async #filtered({ since, until, subject, mailbox, device, actor, action, within, orBy }: AuditFilter) {
    const { db } = this.#context
    let query = db.selectFrom('audit')
    if (since !== undefined) query = query.where('at', '>=', since)
    if (until !== undefined) query = query.where('at', '<', until)
    if (subject !== undefined) {
      const name = subject.toLowerCase()
      // The database may know the small letters of ASCII only.
      const names = [...new Set([name, subject.replace(/[A-Z]/g, letter => letter.toLowerCase())])]
      query = query.where(isOneOf(db, sql`${NAME} in (${sql.join(names)})`, isBelow(name), sql`${sql.ref('subject_id')} = ${name}`))
    }
    if (mailbox !== undefined) {
      const address = parseAddress(mailbox)
      query = query.where(isOneOf(db, sql`${NAME} = ${address}`, isBelow(address)))
    }
    if (device !== undefined) {
      const id = await findDeviceId(db, device)
      query = query.where(({ eb, fn }) => (id === undefined ? eb(fn<string>('lower', ['subject']), '=', device.toLowerCase()) : eb('subject_id', '=', id)))
    }
    if (actor !== undefined) query = query.where(({ or, eb }) => or([eb('actor', '=', actor), matches('source', `%${escapeLike(actor)}%`)]))
    if (action !== undefined) query = query.where(({ or, eb }) => or([eb('action', '=', action), matches('action', `${escapeLike(action)}.%`)]))
    if (within !== undefined) query = query.where(await isVisible(db, within, orBy))
    return query
  }

  /** The number of the latest change of what has this ID; 0: never changed. */
  async versionOf(subjectId: string): Promise<Version> {
    const row = await this.#context.db
      .selectFrom('audit')
      .select(({ fn }) => fn.max('id').as('id'))
      .where('subject_id', '=', subjectId)
      .executeTakeFirst()
    return Number(row?.id ?? 0)
  }

  /** Of what has this ID, the newest first. */
  async newestOf(subjectId: string, action: string, limit: number): Promise<AuditEntry[]> {
    const rows = await this.#context.db
      .selectFrom('audit')
      .selectAll()
      .where('subject_id', '=', subjectId)
      .where('action', '=', action)
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
    return rows.map(toEntry)
  }

  /** Who added each of these devices, as far as it is known. */
  async makersOf(devices: readonly DeviceId[]): Promise<ReadonlyMap<DeviceId, string>> {
    if (devices.length === 0) return new Map()
    const rows = await this.#context.db
      .selectFrom('audit')
      .select(['subject_id', 'actor'])
      .where('subject_id', 'in', devices)
      .where('action', '=', 'device.added')
      .execute()
    return new Map(rows.map(row => [row.subject_id as DeviceId, row.actor]))
  }

  /** What was changed since then, oldest first. */
  async changesSince(subjectId: string, version: Version): Promise<AuditEntry[]> {
    const rows = await this.#context.db.selectFrom('audit').selectAll().where('subject_id', '=', subjectId).where('id', '>', version).orderBy('id').execute()
    return rows.map(toEntry)
  }
}

const NEWEST_FIRST: SortOrder<Selectable<AuditTable>> = {
  name: 'audit-time',
  direction: 'desc',
  keys: [
    { column: sql.ref('audit.at'), valueOf: row => row.at },
    { column: sql.ref('audit.id'), valueOf: row => row.id },
  ],
}
const OLDEST_FIRST: SortOrder<Selectable<AuditTable>> = {
  name: 'audit-oldest-first',
  direction: 'asc',
  keys: [{ column: sql.ref('audit.id'), valueOf: row => row.id }],
}

const NAME = sql`lower(${sql.ref('subject')})`

/** "0" follows "/": everything that begins with the address and a slash lies between. */
function isBelow(address: string): RawBuilder<unknown> {
  return sql`${NAME} >= ${`${address}/`} and ${NAME} < ${`${address}0`}`
}

/** Each is found by an index of its own; the rows are sorted then, and nothing else is looked through. */
function isOneOf(db: Kysely<Schema>, ...kinds: readonly RawBuilder<unknown>[]): Expression<SqlBool> {
  const [first, ...others] = kinds.map(is =>
    db
      .selectFrom('audit')
      .select('id')
      .where(is as RawBuilder<SqlBool>),
  )
  return sql<SqlBool>`${sql.ref('audit.id')} in ${others.reduce((all, other) => all?.union(other), first)}`
}

/** What was done to such mailboxes and their devices, as far as they are still there, and whatever this actor did. */
async function isVisible(db: Kysely<Schema>, within: MailboxSet, orBy: string | undefined): Promise<Expression<SqlBool>> {
  const subject = sql.ref('audit.subject_id')
  const isBy = orBy === undefined ? [] : [sql`${sql.ref('audit.actor')} = ${orBy}`]
  const isBusy = orBy !== undefined && (await countUpTo(db, db.selectFrom('audit').select('id').where('actor', '=', orBy), MANY_ACTS)) === MANY_ACTS
  if (isBusy || ((within.domains ?? []).length > 0 && (await isLargeShare(db, within)))) {
    const mailboxOf = sql`(select ${sql.ref('devices.mailbox_id')} from ${sql.table('devices')} where ${sql.ref('devices.id')} = ${subject})`
    return sql<SqlBool>`(${sql.join([isWithinBy('id', subject, within), isWithinBy('id', mailboxOf, within), ...isBy], sql` or `)})`
  }
  const mailboxes = db.selectFrom('mailboxes').select('mailboxes.id').where(isWithin(within))
  const devices = db.selectFrom('devices').select('devices.id').where('devices.mailbox_id', 'in', mailboxes)
  return isOneOf(db, sql`${subject} in ${mailboxes}`, sql`${subject} in ${devices}`, ...isBy)
}

/** Undefined: there is no such device any more. Throws AMBIGUOUS_ID, BAD_INPUT. */
async function findDeviceId(db: StoreContext['db'], ref: string): Promise<string | undefined> {
  try {
    return await resolveDevice(db, ref)
  } catch (error) {
    if (!(error instanceof MailwicketError) || error.code !== 'NOT_FOUND') throw error
    return /^[0-9a-z]{16}$/i.test(ref) ? ref.toLowerCase() : undefined
  }
}

function matches(column: 'source' | 'action', pattern: string) {
  return sql<boolean>`${sql.ref(column)} like ${pattern} escape '!'`
}

function toEntry({ subject_id: subjectId, before, after, ...row }: Selectable<AuditTable>): AuditEntry {
  return { ...row, subjectId, before: parseFacts(before), after: parseFacts(after) }
}

function parseFacts(json: string | null): AuditFacts | null {
  return json === null ? null : (JSON.parse(json) as AuditFacts)
}
