/** The same activity as CSV, streamed: whatever its length, memory holds a page of it. */
import { formatIso } from '../../../base/iso-time.ts'
import { streamText } from '../../../http/text-stream.ts'
import { pageActivity, pageAudit } from '../../../management/history/read-history.ts'
import type { Page } from '../../../store/schema/keyset.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { loadMailbox } from '../parts/mailbox-head.ts'
import { type Asked, readFilters } from './activity-filters.ts'

const LOOK_ROWS = 200
const PART_LINES = 200
const HEADER = ['at', 'first_at', 'count', 'kind', 'mailbox', 'device', 'result', 'protocol', 'ip', 'app', 'actor', 'action', 'subject']

export async function downloadActivity(request: SignedInRequest): Promise<Response> {
  return csv(request, await readFilters(request))
}

export async function downloadMailboxActivity(request: SignedInRequest): Promise<Response> {
  const { head } = await loadMailbox(request)
  return csv(request, await readFilters(request, head.address))
}

function csv(request: SignedInRequest, asked: Asked): Response {
  const headers = { 'content-type': 'text/csv; charset=utf-8', 'content-disposition': 'attachment; filename="activity.csv"' }
  return new Response(streamText(parts(lines(request, asked))), { headers })
}

/** Many lines at a time: some milliseconds of work. */
async function* parts(all: AsyncGenerator<string>): AsyncGenerator<string, undefined> {
  let [part, count] = ['', 0]
  for await (const line of all) {
    part += line
    count += 1
    if (count < PART_LINES) continue
    yield part
    part = ''
    count = 0
  }
  if (part !== '') yield part
  return undefined
}

/** Attempts and changes together, the newest first. */
async function* lines(request: SignedInRequest, asked: Asked): AsyncGenerator<string, undefined> {
  yield formatLine(HEADER)
  const [attempts, changes] = [attemptsOf(request, asked), changesOf(request, asked)]
  let [attempt, change] = [await attempts.next(), await changes.next()]
  while (attempt.done !== true || change.done !== true) {
    const isAttempt = change.done === true || (attempt.done !== true && attempt.value.at >= change.value.at)
    if (isAttempt && attempt.done !== true) {
      yield formatLine(attempt.value.cells)
      attempt = await attempts.next()
    } else if (change.done !== true) {
      yield formatLine(change.value.cells)
      change = await changes.next()
    }
  }
  return undefined
}

interface Line {
  readonly at: number
  readonly cells: readonly (string | number)[]
}

async function* attemptsOf({ context, actor }: SignedInRequest, { attempts }: Asked): AsyncGenerator<Line, undefined> {
  if (attempts === undefined) return undefined
  for await (const row of all(after => pageActivity(context, actor, { filter: attempts, after, limit: LOOK_ROWS }))) {
    const { at, firstAt, count, address, deviceName, result, protocol, ip, app } = row
    yield { at, cells: [formatIso(at), formatIso(firstAt), count, 'attempt', address, deviceName ?? '', result, protocol, ip, app ?? '', '', '', ''] }
  }
  return undefined
}

async function* changesOf({ context, actor }: SignedInRequest, { changes }: Asked): AsyncGenerator<Line, undefined> {
  if (changes === undefined) return undefined
  for await (const { at, actor: by, action, subject } of all(after => pageAudit(context, actor, { filter: changes, after, limit: LOOK_ROWS })))
    yield { at, cells: [formatIso(at), formatIso(at), 1, 'change', '', '', '', '', '', '', by, action, subject] }
  return undefined
}

async function* all<Row>(read: (after: string | undefined) => Promise<Page<Row>>): AsyncGenerator<Row> {
  let after: string | undefined
  do {
    const { rows, next } = await read(after)
    yield* rows
    after = next ?? undefined
  } while (after !== undefined)
}

const formatLine = (cells: Line['cells']): string => `${cells.map(formatCell).join(',')}\r\n`

/**
 * RFC 4180 §2. SECURITY: a spreadsheet runs what begins so as a formula, also behind spaces that it takes off; names of devices and apps are anybody's
 * words.
 */
export function formatCell(cell: string | number): string {
  const text = /^[\s]*[=+\-@]/.test(String(cell)) && typeof cell === 'string' ? `'${cell}` : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
