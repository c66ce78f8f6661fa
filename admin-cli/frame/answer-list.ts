/**
 * The answer of every list command, and the options that all lists have. Rows are written as they are read, in blocks: a table, one JSON array under
 * `--json`, or one JSON value a line under `--jsonl`.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { CommandContext } from './command-context.ts'
import type { Command } from './command-frame.ts'
import type { Column } from './fit-columns.ts'
import { isColourful } from './terminal.ts'

export interface ListShape<Row> {
  readonly columns: readonly Column<Row>[]
  toJson(row: Row): unknown
  /** The remark that takes the place of an empty table. */
  readonly whenEmpty: string
}

export interface ListOptions {
  readonly limit?: number | undefined
}

/** As many rows as are aligned with each other, and as many as memory holds. */
const BLOCK_ROWS = 500

export function addListOptions(list: Command, limitMeans = 'at most so many'): Command {
  return list.option('--limit <n>', limitMeans, parseLimit).option('--jsonl', 'one JSON value a line, as they are read')
}

function parseLimit(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text))
    throw new MailwicketError('BAD_INPUT', { message: `--limit: “${text.slice(0, 60)}” is not usable.`, remedy: 'Give a whole number from 1 to 9999999.' })
  return Number(text)
}

/** The options that somebody gave and that choose rows: what is empty then is no news about the whole. */
export function isNarrowed(options: object): boolean {
  const { jsonl: _, limit: __, sort: ___, ...filters } = options as Record<string, unknown>
  return Object.values(filters).some(value => value !== undefined)
}

export async function answerList<Row>(context: CommandContext, rows: AsyncIterable<Row>, shape: ListShape<Row>): Promise<void> {
  const format = context.jsonLines ? formatJsonLines(shape) : context.json ? formatJsonArray(shape) : await formatRows(context, shape)
  let isEmpty = true
  await context.answerInPieces(
    (async function* () {
      for await (const block of inBlocks(rows)) {
        yield format.block(block, isEmpty)
        isEmpty = false
      }
      yield format.end(isEmpty)
    })(),
  )
  if (isEmpty) context.remark(shape.whenEmpty)
}

async function* inBlocks<Row>(rows: AsyncIterable<Row>): AsyncGenerator<readonly Row[]> {
  let block: Row[] = []
  for await (const row of rows) {
    block.push(row)
    if (block.length < BLOCK_ROWS) continue
    yield block
    block = []
  }
  if (block.length > 0) yield block
}

interface Format<Row> {
  block(rows: readonly Row[], isFirst: boolean): string
  end(isEmpty: boolean): string
}

function formatJsonLines<Row>({ toJson }: ListShape<Row>): Format<Row> {
  return { block: rows => rows.map(row => `${JSON.stringify(toJson(row))}\n`).join(''), end: () => '' }
}

/** Byte for byte what `formatJson` makes of the whole array. */
function formatJsonArray<Row>({ toJson }: ListShape<Row>): Format<Row> {
  // No string in JSON holds a line end.
  const format = (row: Row) => `  ${JSON.stringify(toJson(row), null, 2).replaceAll('\n', '\n  ')}`
  return { block: (rows, isFirst) => `${isFirst ? '[' : ','}\n${rows.map(format).join(',\n')}`, end: isEmpty => (isEmpty ? '[]\n' : '\n]\n') }
}

async function formatRows<Row>({ terminal }: CommandContext, { columns }: ListShape<Row>): Promise<Format<Row>> {
  const { Table } = await import('./table.ts')
  const { stdout } = terminal
  const table = new Table(columns, { colour: isColourful(terminal, stdout), width: stdout.isTTY === true ? stdout.columns : undefined })
  const now = terminal.now()
  return { block: rows => table.format(rows.map(row => columns.map(column => column.cell(row, now)))), end: () => '' }
}
