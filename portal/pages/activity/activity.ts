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
/** At the changes, of which few may be meant. */
const MOST_LOOKS = 6
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
  const { attempts, lookedTo } = asked.attempts === undefined ? { attempts: [], lookedTo: undefined } : await findAttempts(request, asked, before)
  const changes = asked.changes === undefined ? [] : await findChanges(request, asked.changes, before)
  const times = [...attempts, ...changes].map(({ at }) => at).sort((one, other) => other - one)
  // All of a moment are on one page: the next one begins before it.
  const end = times.length > PAGE_ROWS ? times[PAGE_ROWS - 1] : lookedTo
  const isOnPage = ({ at }: { readonly at: number }) => end === undefined || at >= end
  return {
    filters: asked.filters,
    errors: asked.errors,
    entries: await toEntries(request, attempts.filter(isOnPage), changes.filter(isOnPage)),
    before: end === undefined ? undefined : String(end),
    keptDays: KEPT_DAYS,
  }
}

/** `lookedTo`: older ones were not looked at. */
async function findAttempts(
  { context, actor }: SignedInRequest,
  { attempts, filters }: Asked,
  before: number | undefined,
): Promise<{ readonly attempts: readonly Activity[]; readonly lookedTo: number | undefined }> {
  const found: Activity[] = []
  const limit = filters.kind === 'new' ? LOOK_ROWS : PAGE_ROWS + 1
  let [after, looked, oldest]: [string | undefined, number, number | undefined] = [undefined, 0, undefined]
  do {
    const { rows, next } = await pageActivity(context, actor, { filter: { ...attempts, endedBefore: before }, after, limit })
    found.push(...rows)
    looked += limit
    oldest = rows.at(-1)?.at ?? oldest
    after = next ?? undefined
  } while (after !== undefined && found.length <= PAGE_ROWS && looked < MOST_LOOKED_AT)
  const lookedTo = after === undefined ? undefined : oldest
  if (filters.kind !== 'new') return { attempts: found.slice(0, PAGE_ROWS + 1), lookedTo }
  const kinds = kindsOf(found)
  return { attempts: found.filter(row => kinds(row) !== 'connected').slice(0, PAGE_ROWS + 1), lookedTo }
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
): Promise<readonly AuditEntry[]> {
  const until = before === undefined ? changes.until : Math.min(before, changes.until ?? before)
  const found: AuditEntry[] = []
  let [after, looks]: [string | undefined, number] = [undefined, 0]
  do {
    const { rows, next } = await pageAudit(context, actor, { filter: { ...changes, until }, after, limit: PAGE_ROWS + 1 })
    found.push(...rows)
    looks += 1
    after = next ?? undefined
  } while (after !== undefined && found.length <= PAGE_ROWS && looks < MOST_LOOKS)
  return found
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
