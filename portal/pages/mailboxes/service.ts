/** The mailboxes of one mail service: search, filters, fifty a page. */
import { findHostName } from '../../../base/network.ts'
import { countMailboxes, pageMailboxes } from '../../../management/page-lists.ts'
import { may } from '../../../management/permissions.ts'
import type { MailboxFilter as StoreFilter } from '../../../store/accounts/mailbox-list.ts'
import { links, withQuery } from '../../links.ts'
import { type MailboxFilter, serviceView } from '../../views/mailboxes/mailbox-list-view.ts'
import { showPage } from '../../web/answers.ts'
import { notFound } from '../../web/error-answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { filterOf, readCursor, searchOf } from '../parts/list-query.ts'
import { findSilentDomains, isService, upstreamsOf } from '../parts/upstreams.ts'

const DAY_MS = 86_400_000
const PAGE_ROWS = 50

export async function showService(request: SignedInRequest): Promise<Response> {
  const { context, actor, reach, query, m, page, services } = request
  const domain = findHostName(request.param('domain')) ?? ''
  const search = searchOf(query)
  const filter = filterOf<MailboxFilter>(query, ['all', 'connected', 'no-device', 'quiet', 'paused'])
  if (!(await isService(request, domain))) return notFound(request)
  const total = await countMailboxes(context, actor, { domain })
  const reachable = !(await findSilentDomains(request)).has(domain)
  const { rows, next } = await pageMailboxes(context, actor, {
    ...readCursor(query),
    filter: { domain, search: search === '' ? undefined : search, ...narrowingOf(filter, page.formats.now) },
    limit: PAGE_ROWS,
  })
  const keep = { q: search, show: filter === 'all' ? undefined : filter }
  const model = {
    domain,
    total,
    servers: upstreamsOf(services.config(), domain).map(({ name }) => ({ name, reachable })),
    query: search,
    filter,
    mailboxes: rows.map(({ address, note, devices, sessions, lastConnectionAt, state }) => ({
      address,
      note: note ?? '',
      devices,
      connected: sessions,
      lastConnectionAt,
      paused: state !== 'active',
    })),
    pages: {
      range: rangeOf(request, {
        shown: rows.length,
        total,
        isFirst: !query.has('after'),
        isNarrowed: search !== '' || filter !== 'all',
        hasMore: next !== null,
      }),
      next: next === null ? undefined : withQuery(links.service(domain), { ...keep, after: next }),
      previous: query.has('after') ? withQuery(links.service(domain), keep) : undefined,
    },
    mayAdd: may(reach, 'mailbox.add', { domain }) === 'yes',
  }
  return showPage(serviceView(model, m, page))
}

function narrowingOf(filter: MailboxFilter, now: number): Pick<StoreFilter, 'isConnected' | 'hasDevices' | 'quietSince' | 'state'> {
  const filters = {
    all: {},
    connected: { isConnected: true },
    'no-device': { hasDevices: false },
    quiet: { quietSince: now - 90 * DAY_MS },
    paused: { state: 'disabled' },
  } as const
  return filters[filter]
}

interface Shown {
  readonly shown: number
  readonly total: number
  readonly isFirst: boolean
  readonly isNarrowed: boolean
  readonly hasMore: boolean
}

/** No page counts all that a search would find. */
function rangeOf({ m, page }: SignedInRequest, { shown, total, isFirst, isNarrowed, hasMore }: Shown): string | undefined {
  const { number } = page.formats
  if (!isNarrowed && isFirst && hasMore) return m.mailboxes.range(number(1), number(shown), number(total))
  return hasMore ? m.mailboxes.shownMore(shown) : undefined
}
