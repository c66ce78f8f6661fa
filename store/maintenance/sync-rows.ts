/**
 * Makes the rows of a table in one database those of another, whatever it holds by now: rows of both are read in the order of their keys, side by side, and only
 * those that differ are written. So the first copy, going on after a crash and taking in what changed meanwhile are one thing.
 *
 * Invariants: nothing but a batch is held in memory; what is not wanted goes before anything is added, so that no two rows claim the same name in between.
 */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Schema } from '../schema/schema.ts'
import { type CopiedTable, countRows, formatRow, KEYS, pagesOf, type Row, type Table } from './copy-rows.ts'

/** Writes into the target; each call is one transaction. */
export interface RowWriter {
  remove(table: Table, rows: readonly Row[]): Promise<void>
  add(table: Table, rows: readonly Row[]): Promise<void>
}

const BATCH_ROWS = 1_000
/** Rows to be added that are remembered from the first reading; with more the tables are read once more. */
const MAX_REMEMBERED = 5_000

export interface SyncedTable extends CopiedTable {
  /** Whether anything had to be written. */
  readonly isChanged: boolean
}

/** `onRows` is told of rows of the source that are done. */
export async function syncTable(
  from: Kysely<Schema>,
  to: Kysely<Schema>,
  table: Table,
  { writer, onRows }: { readonly writer: RowWriter; readonly onRows: (rows: number) => void },
): Promise<SyncedTable> {
  const isNew = (await countRows(to, table)) === 0
  const missing: Row[] = []
  let total = 0
  if (!isNew) {
    const superfluous = new Batch(rows => writer.remove(table, rows))
    const compared = await compare(from, to, table, {
      onlyThere: row => superfluous.add(row),
      onlyHere: async row => {
        total += 1
        if (missing.length < MAX_REMEMBERED) missing.push(row)
      },
      onRows,
    })
    await superfluous.end()
    if (total <= MAX_REMEMBERED) {
      for (let at = 0; at < missing.length; at += BATCH_ROWS) await writer.add(table, missing.slice(at, at + BATCH_ROWS))
      return { ...compared, isChanged: total + superfluous.count > 0 }
    }
  }
  const added = new Batch(rows => writer.add(table, rows))
  const compared = await compare(from, to, table, {
    onlyThere: async () => {},
    onlyHere: row => added.add(row),
    onRows: isNew ? onRows : () => {},
  })
  await added.end()
  return { ...compared, isChanged: added.count > 0 }
}

class Batch {
  count = 0
  #rows: Row[] = []
  readonly #flush: (rows: readonly Row[]) => Promise<void>

  constructor(flush: (rows: readonly Row[]) => Promise<void>) {
    this.#flush = flush
  }

  async add(row: Row): Promise<void> {
    this.count += 1
    this.#rows.push(row)
    if (this.#rows.length >= BATCH_ROWS) await this.end()
  }

  async end(): Promise<void> {
    const rows = this.#rows
    this.#rows = []
    if (rows.length > 0) await this.#flush(rows)
  }
}

interface Differences {
  /** In the target; a row that differs is also one of these. */
  onlyThere(row: Row): Promise<void>
  /** In the source. */
  onlyHere(row: Row): Promise<void>
  onRows(rows: number): void
}

/** Gives the count and the digest of the source's rows. */
async function compare(from: Kysely<Schema>, to: Kysely<Schema>, table: Table, differences: Differences): Promise<CopiedTable> {
  const digest = createHash('sha256')
  const [here, there] = [new RowReader(from, table), new RowReader(to, table)]
  let rows = 0
  for (;;) {
    const [source, target] = [here.row ?? (await here.load()), there.row ?? (await there.load())]
    if (source === undefined && target === undefined) {
      differences.onRows(rows % BATCH_ROWS)
      return { table, rows, digest: digest.digest('hex') }
    }
    const order = source === undefined ? 1 : target === undefined ? -1 : compareKeys(KEYS[table], source, target)
    const text = source === undefined || order > 0 ? '' : formatRow(source)
    if (source !== undefined && order <= 0) {
      digest.update(text)
      rows += 1
      if (rows % BATCH_ROWS === 0) differences.onRows(BATCH_ROWS)
      here.pass()
    }
    if (target !== undefined && order >= 0) there.pass()
    const isSame = source !== undefined && target !== undefined && order === 0 && formatRow(target) === text
    if (isSame) continue
    if (target !== undefined && order >= 0) await differences.onlyThere(target)
    if (source !== undefined && order <= 0) await differences.onlyHere(source)
  }
}

class RowReader {
  readonly #pages: AsyncGenerator<readonly Row[]>
  #page: readonly Row[] | undefined = []
  #at = 0

  constructor(db: Kysely<Schema>, table: Table) {
    this.#pages = pagesOf(db, table)
  }

  /** Undefined: `load` first. */
  get row(): Row | undefined {
    return this.#page?.[this.#at]
  }

  /** Undefined: there are no more. */
  async load(): Promise<Row | undefined> {
    if (this.#page === undefined) return undefined
    const next = await this.#pages.next()
    this.#page = next.done === true ? undefined : next.value
    this.#at = 0
    return this.row
  }

  pass(): void {
    this.#at += 1
  }
}

/** In the order in which both databases have them: texts by their bytes. */
function compareKeys(key: readonly string[], a: Row, b: Row): number {
  for (const name of key) {
    const [left, right] = [a[name], b[name]]
    if (left === right) continue
    if (typeof left === 'number' && typeof right === 'number') return left - right
    return Buffer.compare(Buffer.from(String(left)), Buffer.from(String(right)))
  }
  return 0
}
