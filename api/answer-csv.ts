/** A list as CSV to its end, page by page, so that memory holds one page; a client that goes away stops it. */
import { formatCsv } from '../base/csv-format.ts'
import { streamText } from '../http/text-stream.ts'
import type { Page } from '../store/schema/keyset.ts'

const PAGE_ROWS = 200

export type Cell = string | number | null

/** The first page is read before anything is answered: what is wrong is still a problem then. */
export async function answerCsv<Row>(
  heads: readonly string[],
  toCells: (row: Row) => readonly Cell[],
  read: (request: { readonly after: string | undefined; readonly limit: number }) => Promise<Page<Row>>,
): Promise<Response> {
  const first = await read({ after: undefined, limit: PAGE_ROWS })
  const linesOf = ({ rows }: Page<Row>): string => formatCsv(rows.map(row => toCells(row).map(cell => (cell === null ? '' : String(cell)))))
  async function* parts(): AsyncGenerator<string> {
    yield formatCsv([heads]) + linesOf(first)
    for (let { next } = first; next !== null; ) {
      const page = await read({ after: next, limit: PAGE_ROWS })
      yield linesOf(page)
      next = page.next
    }
  }
  return new Response(streamText(parts()), { headers: { 'content-type': 'text/csv; charset=utf-8' } })
}

/** RFC 9110 §12.5.1: CSV only for whoever asks for it by name. */
export function wantsCsv(accept: string | undefined): boolean {
  return accept !== undefined && /(?:^|,)\s*text\/csv\s*(?:;|,|$)/i.test(accept)
}
