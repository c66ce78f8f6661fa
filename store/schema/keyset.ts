/**
 * Lists by pages: each page says where the next begins, by the values of its last row, so that a page costs the same wherever it lies,
 * and rows that come or go meanwhile shift nothing.
 */
import { type Kysely, type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import { Problem } from '../../base/problems.ts'
import type { Schema } from './schema.ts'

export interface Page<Row> {
  readonly rows: readonly Row[]
  /** `after` of the next page; null: this was the last one. */
  readonly next: string | null
}

export interface PageRequest<Sort extends string = never> {
  /** `next` of the page before. */
  readonly after?: string | undefined
  readonly limit?: number | undefined
  readonly sort?: Sort | undefined
}

/** How a list is ordered: by columns that together name one row and are never null, all in one direction. */
export interface SortOrder<Row> {
  readonly name: string
  readonly direction: 'asc' | 'desc'
  readonly keys: readonly SortKey<Row>[]
}

export interface SortKey<Row> {
  readonly column: RawBuilder<unknown>
  valueOf(row: Row): string | number
}

export const DEFAULT_PAGE_ROWS = 50
const MAX_PAGE_ROWS = 1_000
/** Rows that are read at a time where a list is read to its end. */
const STREAM_ROWS = 500
const MAX_CURSOR_CHARACTERS = 2_000

/** Reads one page of `query`, which has neither an order nor a limit. Throws BAD_INPUT when `after` is not of such a list. */
export async function readPage<Row>(
  // biome-ignore lint/suspicious/noExplicitAny: of whichever tables
  query: SelectQueryBuilder<any, any, Row>,
  order: SortOrder<Row>,
  { after, limit = DEFAULT_PAGE_ROWS }: Pick<PageRequest, 'after' | 'limit'>,
): Promise<Page<Row>> {
  if (!(Number.isSafeInteger(limit) && limit >= 1 && limit <= MAX_PAGE_ROWS)) throw new Problem('list.limit', { max: MAX_PAGE_ROWS })
  return readLongPage(query, order, { after, limit })
}

/** A page of any length, for what is read to its end: where no index has the order, each page costs a sort of all. */
export async function readLongPage<Row>(
  // biome-ignore lint/suspicious/noExplicitAny: of whichever tables
  query: SelectQueryBuilder<any, any, Row>,
  order: SortOrder<Row>,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<Page<Row>> {
  const { direction, keys } = order
  const columns = keys.map(({ column }) => column)
  let part = query
  if (after !== undefined) {
    const values = parseCursor(after, order)
    const [first, beyond] = direction === 'asc' ? [sql`>=`, sql`>`] : [sql`<=`, sql`<`]
    // The first column by itself: an index leads to it also where the others are of another table.
    part = part.where(sql<boolean>`${columns[0]} ${first} ${values[0]} and (${sql.join(columns)}) ${beyond} (${sql.join(values)})`)
  }
  for (const column of columns) part = part.orderBy(column, direction)
  const rows = (await part.limit(limit + 1).execute()) as Row[]
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { rows: shown, next: rows.length > limit && last !== undefined ? formatCursor(order, last) : null }
}

/** Rows that are looked through for a page, where the database cannot tell which are meant. Whether each is within reach may cost two look-ups. */
const MOST_LOOKED_AT = 1_000

/** As `readPage`, of rows that `isMeant`: a page may have fewer than it could, or none, and a next one all the same. */
export async function readMeantPage<Row>(
  // biome-ignore lint/suspicious/noExplicitAny: of whichever tables
  query: SelectQueryBuilder<any, any, Row>,
  order: SortOrder<Row>,
  { after, limit = DEFAULT_PAGE_ROWS }: Pick<PageRequest, 'after' | 'limit'>,
  isMeant: (row: Row) => boolean,
): Promise<Page<Row>> {
  const meant: Row[] = []
  let at = after
  for (let looked = 0; ; looked += STREAM_ROWS) {
    const { rows, next } = await readPage(query, order, { after: at, limit: STREAM_ROWS })
    for (const row of rows) {
      if (!isMeant(row)) continue
      const last = meant.at(-1)
      if (meant.length === limit && last !== undefined) return { rows: meant, next: formatCursor(order, last) }
      meant.push(row)
    }
    if (next === null || looked + STREAM_ROWS >= MOST_LOOKED_AT) return { rows: meant, next }
    at = next
  }
}

/** Reads a list to its end or its first `most` rows, page by page: whatever its length, memory holds one page. */
export async function* readAll<Row>(
  read: (request: { readonly after: string | undefined; readonly limit: number }) => Promise<Page<Row>>,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<Row> {
  let after: string | undefined
  let left = most
  do {
    const page = await read({ after, limit: Math.min(STREAM_ROWS, left) })
    yield* page.rows
    left -= page.rows.length
    after = page.next ?? undefined
  } while (after !== undefined && left > 0)
}

/** Keys that are read at a time where no index has their order: a few MB. */
const STREAM_KEYS = 10_000

/**
 * As `readAll`, where no index has the order, so that each page costs a sort of all: by many keys at a time, and what is shown of them by few.
 * Memory holds one page of keys.
 */
export async function* readSorted<Key, Row>(
  readKeys: (request: { readonly after: string | undefined; readonly limit: number }) => Promise<Page<Key>>,
  show: (keys: readonly Key[]) => readonly Row[] | Promise<readonly Row[]>,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<Row> {
  let after: string | undefined
  let left = most
  do {
    const { rows, next } = await readKeys({ after, limit: Math.min(left, STREAM_KEYS) })
    for (let at = 0; at < rows.length; at += STREAM_ROWS) yield* await show(rows.slice(at, at + STREAM_ROWS))
    left -= rows.length
    after = next ?? undefined
  } while (after !== undefined && left > 0)
}

/** For a list that is known to be short. */
export async function listAll<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const list: Row[] = []
  for await (const row of rows) list.push(row)
  return list
}

/** Where a list goes on from so that everything below this value of its one key follows. */
export function firstCursorOf<Row>({ name }: SortOrder<Row>, value: string): string {
  return Buffer.from(JSON.stringify([name, value])).toString('base64url')
}

/** Of a list that is read in parts: whether the page begins in the part with this order. */
export function isCursorOf<Row>(after: string | undefined, order: SortOrder<Row>): boolean {
  if (after === undefined) return false
  try {
    return parseCursor(after, order).length > 0
  } catch {
    return false
  }
}

function formatCursor<Row>({ name, keys }: SortOrder<Row>, row: Row): string {
  return Buffer.from(JSON.stringify([name, ...keys.map(key => key.valueOf(row))])).toString('base64url')
}

function parseCursor<Row>(text: string, { name, keys }: SortOrder<Row>): (string | number)[] {
  if (text.length <= MAX_CURSOR_CHARACTERS) {
    try {
      const [of, ...values]: unknown[] = JSON.parse(Buffer.from(text, 'base64url').toString())
      const isValue = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number'
      if (of === name && values.length === keys.length && values.every(isValue)) return values
    } catch {
      // Not even JSON: said below.
    }
  }
  throw new Problem('list.cursor', {})
}

/** Signs that LIKE gives a meaning, as themselves, under `escape '!'`. */
export function escapeLike(text: string): string {
  return text.replace(/[%_!]/g, '!$&')
}

/** Without a look at more rows than that. */
// biome-ignore lint/suspicious/noExplicitAny: of whichever tables
export async function countUpTo(db: Kysely<Schema>, query: SelectQueryBuilder<any, any, object>, most: number): Promise<number> {
  const { n } = await db
    .selectFrom(query.limit(most).as('found'))
    .select(({ fn }) => fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  return Number(n)
}

/** More of them are met soon by whoever goes through a list in its order. */
const FEW = 500

/** The IDs that a query gives, where they are few enough to name each; undefined: they are many. */
// biome-ignore lint/suspicious/noExplicitAny: of whichever tables
export async function findFew<Id extends string>(query: SelectQueryBuilder<any, any, { readonly id: Id }>): Promise<Id[] | undefined> {
  const rows = await query.limit(FEW).execute()
  return rows.length < FEW ? rows.map(({ id }) => id) : undefined
}

/** One of these; of none: nothing. */
export function isIn(column: string, ids: readonly string[]): RawBuilder<SqlBool> {
  return ids.length === 0 ? sql<SqlBool>`1 = 0` : sql<SqlBool>`${sql.ref(column)} in (${sql.join(ids)})`
}

/** As `contains`, of a column that holds small letters only: it may be looked for in an index alone. */
export function containsSmall(column: string, small: string): RawBuilder<boolean> {
  return sql<boolean>`${sql.ref(column)} like ${`%${escapeLike(small)}%`} escape '!'`
}

/** Whether a column has `text` somewhere, in capitals or not. */
export function contains(column: string, text: string): RawBuilder<boolean> {
  return sql<boolean>`lower(${sql.ref(column)}) like ${`%${escapeLike(text.toLowerCase())}%`} escape '!'`
}
