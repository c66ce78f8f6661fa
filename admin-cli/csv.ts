/**
 * CSV, in and out: the only door to csv-parse and csv-stringify. RFC 4180 with what spreadsheets do to it: a byte order mark, semicolons or tabs.
 */
import { pipeline, type Readable } from 'node:stream'
import { parse } from 'csv-parse'
import { stringify } from 'csv-stringify/sync'

export interface CsvRecord {
  readonly line: number
  readonly cells: readonly string[]
}

/** More than any row of ours; a quote that is not closed stops here. */
const MAX_RECORD_BYTES = 256 * 1024

/** Records of text chunks that are UTF-8 already; one that cannot be read is told with its line, and reading goes on where it can. */
export async function* readCsv(chunks: Readable, delimiter: string, onBroken: (line: number) => void): AsyncGenerator<CsvRecord> {
  const parser = parse({
    delimiter,
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: MAX_RECORD_BYTES,
    on_skip: error => {
      onBroken(Number(error === undefined ? 0 : (error as { lines?: number }).lines))
      return undefined
    },
  })
  // Its failures reach the loop below.
  pipeline(chunks, parser, () => {})
  for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) yield { line: info.lines, cells: record }
}

/** What separates the cells of a header line. */
export function findDelimiter(header: string): string {
  const count = (character: string): number => header.split(character).length
  return [',', ';', '\t'].reduce((best, character) => (count(character) > count(best) ? character : best))
}

/** SECURITY: a spreadsheet takes a cell that begins so for a formula, and runs it. `readCell` takes the sign away again. */
const FORMULA = /^'*[=+\-@\t\r]/

function writeCell(cell: string): string {
  return FORMULA.test(cell) ? `'${cell}` : cell
}

export function readCell(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell
}

export function formatCsv(rows: readonly (readonly string[])[]): string {
  return stringify(rows.map(cells => cells.map(writeCell)))
}
