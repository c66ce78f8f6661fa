/** What happened within reach: connections, refusals, changes, the newest first; of one mailbox, or of all. */
import { pageActivity, pageAudit } from '../../../management/history/read-history.ts'
import type { Activity } from '../../../store/history/activity.ts'
import type { AuditEntry } from '../../../store/history/audit.ts'
import { ACTIVITY_KEPT_MS } from '../../../store/schema/retention.ts'
import type { ActivityEntry } from '../../views/activity/activity-rows.ts'
import { type ActivityModel, activityView, mailboxActivityView } from '../../views/activity/activity-view.ts'
import { showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { toChangeEntry } from '../parts/change-entries.ts'
import { loadMailbox } from '../parts/mailbox-head.ts'
import { namesOf } from '../parts/people-names.ts'
import { groupRefusals, Known } from './activity-entries.ts'
import { type Asked, OK, readFilters } from './activity-filters.ts'

const PAGE_ROWS = 50
/** Rows that are looked through for a page, where the store cannot compare; the next page goes on behind them. */
const MOST_LOOKED_AT = 3_000
const LOOK_ROWS = 500
/** That the store looks through for a page of a network. */
const NETWORK_ROWS = 1_000
const KEPT_DAYS = ACTIVITY_KEPT_MS / 86_400_000

export async function showActivity(request: SignedInRequest): Promise<Response> {
  return showPage(activityView(await load(request), request.m, request.page))
}

export async function showMailboxActivity(request: SignedInRequest): Promise<Response> {
  const { head } = await loadMailbox(request)
  return showPage(mailboxActivityView({ ...(await load(request, head.address)), mailbox: head }, request.m, request.page))
}

async function load(request: SignedInRequest, mailbox?: string): Promise<ActivityModel> {
  const asked = await readFilters(request, mailbox)
  const before = /^\d{1,15}$/.test(request.query.get('before') ?? '') ? Number(request.query.get('before')) : undefined
  const attempts = asked.attempts === undefined ? NOTHING : await findAttempts(request, asked, before)
  const changes = asked.changes === undefined ? NOTHING : await findChanges(request, asked.changes, before)
  const times = [...attempts.found, ...changes.found].map(({ at }) => at).sort((one, other) => other - one)
  // All of a moment are on one page: the next one begins before it.
  const ends = [times.length > PAGE_ROWS ? times[PAGE_ROWS - 1] : undefined, attempts.lookedTo, changes.lookedTo].filter(time => time !== undefined)
  const end = ends.length === 0 ? undefined : Math.max(...ends)
  const isOnPage = ({ at }: { readonly at: number }) => end === undefined || at >= end
  return {
    filters: asked.filters,
    errors: asked.errors,
    entries: await toEntries(request, attempts.found.filter(isOnPage), changes.found.filter(isOnPage)),
    before: end === undefined ? undefined : String(end),
    keptDays: KEPT_DAYS,
  }
}

interface Looked<Row> {
  readonly found: readonly Row[]
  /** Older ones were not looked at. */
  readonly lookedTo: number | undefined
}

const NOTHING = { found: [], lookedTo: undefined }

async function findAttempts({ context, actor }: SignedInRequest, { attempts, filters }: Asked, before: number | undefined): Promise<Looked<Activity>> {
  const found: Activity[] = []
  const limit = filters.kind === 'new' ? LOOK_ROWS : PAGE_ROWS + 1
  const filter = { ...attempts, endedBefore: before }
  let [after, looked]: [string | undefined, number] = [undefined, 0]
  do {
    const { rows, next } = await pageActivity(context, actor, { filter, after, limit })
    found.push(...rows)
    looked += filter.network === undefined ? limit : NETWORK_ROWS
    after = next ?? undefined
  } while (after !== undefined && found.length <= PAGE_ROWS && looked < MOST_LOOKED_AT)
  const { network, ...all } = filter
  const behind = after === undefined || network === undefined ? undefined : (await pageActivity(context, actor, { filter: all, after, limit: 1 })).rows[0]
  const lookedTo = network === undefined && after !== undefined ? found.at(-1)?.at : timeAbove(behind, before)
  if (filters.kind !== 'new') return { found: found.slice(0, PAGE_ROWS + 1), lookedTo }
  const kinds = kindsOf(found)
  return { found: found.filter(row => kinds(row) !== 'connected').slice(0, PAGE_ROWS + 1), lookedTo }
}

/** By what is known from the rows themselves, the oldest first. */
function kindsOf(rows: readonly Activity[]): (row: Activity) => ReturnType<Known['note']> {
  const known = new Known()
  const kinds = new Map([...rows].reverse().map(row => [row.cursor, row.result === OK ? known.note(row) : ('connected' as const)]))
  return ({ cursor }) => kinds.get(cursor) ?? 'connected'
}

async function findChanges(
  { context, actor }: SignedInRequest,
  changes: NonNullable<Asked['changes']>,
  before: number | undefined,
): Promise<Looked<AuditEntry>> {
  const { network, ...all } = { ...changes, until: before === undefined ? changes.until : Math.min(before, changes.until ?? before) }
  const { rows: found, next } = await pageAudit(context, actor, { filter: { ...all, network }, limit: PAGE_ROWS + 1 })
  if (next === null || network === undefined) return { found, lookedTo: undefined }
  const behind = await pageAudit(context, actor, { filter: all, after: next, limit: 1 })
  return { found, lookedTo: timeAbove(behind.rows[0], before) }
}

/** The first that was not looked at is on the next page, or later: each page goes on. */
function timeAbove(behind: { readonly at: number } | undefined, before = Number.POSITIVE_INFINITY): number | undefined {
  return behind === undefined ? undefined : Math.min(behind.at + 1, before - 1)
}

async function toEntries(request: SignedInRequest, attempts: readonly Activity[], changes: readonly AuditEntry[]): Promise<ActivityEntry[]> {
  const name = await namesOf(
    request,
    changes.map(({ actor }) => actor),
  )
  const entries = [
    ...groupRefusals(attempts, kindsOf(attempts)),
    ...changes.map(change => toChangeEntry(change, { m: request.m, formats: request.page.formats, nameOf: name })),
  ]
  return entries.sort((one, other) => other.at - one.at)
}
