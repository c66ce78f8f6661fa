/** The mail services within reach, what the field at the top finds, and where `/` leads. */
import { domainOf } from '../../../base/address.ts'
import { pageDevices, pageDomains, pageMailboxes, pageUsers } from '../../../management/page-lists.ts'
import { may } from '../../../management/permissions.ts'
import { mailboxesOf } from '../../../management/within.ts'
import { type DomainSums, NO_DEVICES } from '../../../store/accounts/domain-sums.ts'
import { unicodeDomain } from '../../addresses.ts'
import { links, withQuery } from '../../links.ts'
import { findView, type ServiceRow, servicesView } from '../../views/mailboxes/services-view.ts'
import { isSomewhere } from '../../web/access.ts'
import { seeOther, showPage } from '../../web/answers.ts'
import { homeOf } from '../../web/navigation.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { readCursor, searchOf } from '../parts/list-query.ts'
import { findSilentDomains, namedDomains, upstreamsOf } from '../parts/upstreams.ts'
import { readDomainSums, type SumsByDomain, totalOf } from './service-sums.ts'

const FIND_ROWS = 10

export async function goHome({ reach }: SignedInRequest): Promise<Response> {
  return seeOther(homeOf(reach))
}

export async function showServices(request: SignedInRequest): Promise<Response> {
  const { context, actor, reach, m, page, query, services } = request
  const search = searchOf(query)
  const { rows, next } = await pageDomains(context, actor, { ...readCursor(query), search: search === '' ? undefined : search, limit: 50 })
  const byDomain = await readDomainSums(request)
  const silent = await findSilentDomains(request)
  const bare = bareDomains(request).filter(domain => !byDomain.has(domain) && !rows.some(row => row.domain === domain))
  const shownBare = query.has('after') ? [] : bare.filter(domain => unicodeDomain(domain).includes(search.toLowerCase()))
  const model = {
    query: search,
    sums: await totalOf(request, byDomain),
    domains: [...rows, ...shownBare.map(domain => ({ domain, mailboxes: 0 }))].map(({ domain, mailboxes }) => ({
      ...toServiceRow(request, domain, mailboxes, byDomain.get(domain) ?? NO_DEVICES),
      serverReachable: !silent.has(domain),
    })),
    firstDomain: isSomewhere(reach, 'roles.change') ? services.config().hostname.replace(/^[^.]+\.(?=[^.]+\.)/, '') : undefined,
    total: countDomains(request, byDomain) + bare.length,
    pages: { next: next === null ? undefined : withQuery(links.services, { q: search, after: next }) },
    mayChooseManagers: isSomewhere(reach, 'roles.change'),
  }
  return showPage(servicesView(model, m, page))
}

function toServiceRow(
  { services }: SignedInRequest,
  domain: string,
  mailboxes: number,
  { devices, endSoon, lastConnectionAt }: DomainSums,
): Omit<ServiceRow, 'serverReachable'> {
  const servers = upstreamsOf(services.config(), domain).map(({ name }) => name)
  return { domain, servers, mailboxes, devices, lastConnectionAt, endSoon }
}

/** Within reach; those with a mailbox by itself as those of which all is. */
function countDomains({ reach }: SignedInRequest, byDomain: SumsByDomain): number {
  const within = mailboxesOf(reach, 'mailbox.view')
  if (within === undefined) return byDomain.size
  return new Set([...(within.domains ?? []), ...(within.addresses ?? []).map(domainOf)].filter(domain => byDomain.has(domain))).size
}

/** Domains that are somebody's to look after before they have a mailbox: where else would the first one be added? */
function bareDomains(request: SignedInRequest): string[] {
  const { reach } = request
  return [...namedDomains(request)].filter(domain => may(reach, 'mailbox.add', { domain }) === 'yes').toSorted()
}

/** Everything within reach whose name or address has the words in it. */
export async function find(request: SignedInRequest): Promise<Response> {
  const { context, actor, query: asked, m, page } = request
  const query = searchOf(asked)
  const tooShort = Array.from(query).length < 2
  const search = { search: query }
  const mailboxes = tooShort ? undefined : await pageMailboxes(context, actor, { filter: search, limit: FIND_ROWS })
  const devices = tooShort ? undefined : await pageDevices(context, actor, { filter: search, limit: FIND_ROWS })
  const people = tooShort ? undefined : await pageUsers(context, actor, { filter: search, limit: FIND_ROWS })
  const model = {
    query,
    tooShort,
    mailboxes: (mailboxes?.rows ?? []).map(({ address, note }) => ({ address, note: note ?? '' })),
    devices: (devices?.rows ?? []).map(({ id, name, mailbox }) => ({ id, name, mailbox })),
    people: (people?.rows ?? []).map(({ login, name }) => ({ login, name: name ?? login })),
    more: [mailboxes, devices, people].some(list => (list?.next ?? null) !== null),
  }
  return showPage(findView(model, m, page))
}
