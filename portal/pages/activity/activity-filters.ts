/** The filters of activity, as they stand in the address, and what they mean for the store. */
import { normaliseAddress } from '../../../base/address.ts'
import { type Network, parseCidr } from '../../../base/network.ts'
import { pageDevices, pageMailboxes } from '../../../management/page-lists.ts'
import type { ActivityFilter, PagedActivityFilter } from '../../../store/history/activity.ts'
import type { AuditFilter, PagedAuditFilter } from '../../../store/history/audit.ts'
import type { ActivityFilters, ActivityKind } from '../../views/activity/activity-view.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { endOfDay, startOfDay } from '../parts/form-checks.ts'
import { searchOf, wordsOf } from '../parts/list-query.ts'

const KINDS: readonly ActivityKind[] = ['all', 'connections', 'refused', 'new', 'changes']
/** Of those whose name has the words in it. */
const MOST_FOUND = 100
const DAY = /^\d{4}-\d{2}-\d{2}$/
export const OK = 'ok'

export interface Asked {
  readonly filters: ActivityFilters
  readonly errors: Partial<Record<'network' | 'from' | 'until', string>>
  /** Undefined: no attempts are asked for. */
  readonly attempts: Omit<PagedActivityFilter, 'within'> | undefined
  /** Undefined: no changes are asked for. */
  readonly changes: Omit<PagedAuditFilter, 'within' | 'orBy'> | undefined
}

/** `mailbox`: the page of one. */
export async function readFilters(request: SignedInRequest, mailbox?: string): Promise<Asked> {
  const { query, m, page } = request
  const filters: ActivityFilters = {
    q: searchOf(query),
    network: wordsOf(query, 'network', 60),
    from: query.get('from') ?? '',
    until: query.get('until') ?? '',
    kind: KINDS.find(kind => kind === query.get('kind')) ?? 'all',
  }
  const errors: Partial<Record<'network' | 'from' | 'until', string>> = {}
  const day = (field: 'from' | 'until', boundary: typeof startOfDay): number | undefined => {
    const text = filters[field]
    if (text === '') return undefined
    if (DAY.test(text) && !Number.isNaN(Date.parse(text))) return boundary(text, page.formats)
    errors[field] = m.problems.dateForm
    return undefined
  }
  const [since, last] = [day('from', startOfDay), day('until', endOfDay)]
  const until = last === undefined ? undefined : last + 1
  const network = parseNetwork(filters.network)
  if (filters.network !== '' && network === undefined) errors.network = m.problems.network(filters.network)
  const common = { since, until, network, ...(mailbox !== undefined && { mailbox }) }
  const found = filters.q === '' ? {} : await find(request, filters.q)
  const isAttempt = filters.kind !== 'changes'
  const isChange = filters.kind === 'changes' || filters.kind === 'all'
  return {
    filters,
    errors,
    attempts: isAttempt
      ? {
          ...common,
          ...found,
          ...(isConnection(filters.kind) && { results: [OK] }),
          ...(filters.kind === 'refused' && { isRefused: true }),
        }
      : undefined,
    changes: isChange ? { ...common, ...changesOf(filters.q) } : undefined,
  }
}

const isConnection = (kind: ActivityKind): boolean => kind === 'connections' || kind === 'new'

function parseNetwork(text: string): Network | undefined {
  try {
    return text === '' ? undefined : parseCidr(text)
  } catch {
    return undefined
  }
}

/** An address by itself, a device or a mailbox whose name has the words in it. */
async function find({ context, actor }: SignedInRequest, q: string): Promise<Pick<ActivityFilter, 'anyOf'>> {
  const address = normaliseAddress(q)
  const mailboxes = await pageMailboxes(context, actor, { filter: { search: q }, limit: MOST_FOUND })
  const devices = await pageDevices(context, actor, { filter: { search: q, revoked: true }, limit: MOST_FOUND })
  const addresses = mailboxes.rows.map(mailbox => mailbox.address)
  return { anyOf: { addresses: address === undefined ? addresses : [...addresses, address], devices: devices.rows.map(({ id }) => id) } }
}

/** Changes are found by what was changed: an address with its devices, a login. */
function changesOf(q: string): Pick<AuditFilter, 'subject'> {
  return q === '' ? {} : { subject: normaliseAddress(q) ?? q }
}
