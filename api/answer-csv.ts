/** A list as CSV to its end, page by page, so that memory holds one page; a client that goes away stops it. */
import { formatCsv } from '../base/csv-format.ts'
import type { Page } from '../store/schema/keyset.ts'

const PAGE_ROWS = 200

export type Cell = string | number | null

/** The first page is read before anything is answered: what is wrong is still a problem then. */
export async function answerCsv<Row>(
  heads: readonly string[],
  toCells: (row: Row) => readonly Cell[],
  read: (request: { readonly after: string | undefined; readonly limit: number }) => Promise<Page<Row>>,
): Promise<Response> {
  const linesOf = ({ rows }: Page<Row>): string => formatCsv(rows.map(row => toCells(row).map(cell => (cell === null ? '' : String(cell)))))
  const encoder = new TextEncoder()
  let page = await read({ after: undefined, limit: PAGE_ROWS })
  let isFirst = true
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (isFirst) controller.enqueue(encoder.encode(formatCsv([heads])))
      else page = await read({ after: page.next ?? undefined, limit: PAGE_ROWS })
      isFirst = false
      controller.enqueue(encoder.encode(linesOf(page)))
      if (page.next === null) controller.close()
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/csv; charset=utf-8' } })
}

/** RFC 9110 §12.5.1: CSV only for whoever asks for it by name. */
export function wantsCsv(accept: string | undefined): boolean {
  return accept !== undefined && /(?:^|,)\s*text\/csv\s*(?:;|,|$)/i.test(accept)
}
