/**
 * CSV as it is read: the only adapter for csv-parse. Writing it: `base/csv-format.ts`. RFC 4180 with what spreadsheets do to it: semicolons or tabs.
 * A row is a line: no cell of ours has a line break, and so a quote that is not closed spoils its own line and no other.
 */
import { parse } from 'csv-parse/sync'
import type { TextLine } from './text-lines.ts'

export interface CsvRow {
  readonly line: number
  /** Undefined: its quotes cannot be read, or it is too long. */
  readonly cells: readonly string[] | undefined
}

/** A call of the parser costs more than a line. */
const LINES_AT_ONCE = 200

/** Rows of lines; empty ones are left out. */
export async function* readCsv(lines: AsyncIterable<TextLine>, delimiter: string): AsyncGenerator<CsvRow> {
  let waiting: TextLine[] = []
  for await (const line of lines) {
    if (line.text?.trim() === '') continue
    waiting.push(line)
    // The header alone: whoever reads it may refuse the rest.
    if (waiting.length < LINES_AT_ONCE && line.number > 1) continue
    yield* parseLines(waiting, delimiter)
    waiting = []
  }
  yield* parseLines(waiting, delimiter)
}

function parseLines(lines: readonly TextLine[], delimiter: string): CsvRow[] {
  if (lines.length === 0) return []
  const records = lines.some(({ text }) => text === undefined) ? undefined : findRecords(lines.map(({ text }) => text).join('\n'), delimiter)
  if (records?.length === lines.length) return lines.map(({ number }, at) => ({ line: number, cells: records[at] }))
  return lines.map(({ number, text }) => {
    const [cells, ...more] = (text === undefined ? undefined : findRecords(text, delimiter)) ?? []
    return { line: number, cells: more.length > 0 ? undefined : cells }
  })
}

/** Undefined: something in it is no CSV. */
function findRecords(text: string, delimiter: string): string[][] | undefined {
  try {
    return parse(text, { delimiter, relax_column_count: true })
  } catch {
    return undefined
  }
}

/** What separates the cells of a header line. */
export function findDelimiter(header: string): string {
  const count = (character: string): number => header.split(character).length
  return [',', ';', '\t'].reduce((best, character) => (count(character) > count(best) ? character : best))
}
