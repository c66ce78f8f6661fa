/** The mail services within reach, what the field at the top finds, and where `/` leads. */
import { pageDevices, pageDomains, pageMailboxes, pageUsers } from '../../../management/page-lists.ts'
import { links, withQuery } from '../../links.ts'
import { findView, type ServiceRow, servicesView } from '../../views/mailboxes/services-view.ts'
import { isSomewhere } from '../../web/access.ts'
import { seeOther, showPage } from '../../web/answers.ts'
import { homeOf } from '../../web/navigation.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { readCursor, searchOf } from '../parts/list-query.ts'
import { upstreamsOf } from '../parts/upstreams.ts'
import { sumsOf } from './service-sums.ts'

const DAY_MS = 86_400_000
const FIND_ROWS = 10

export async function goHome({ reach }: SignedInRequest): Promise<Response> {
  return seeOther(homeOf(reach))
}

export async function showServices(request: SignedInRequest): Promise<Response> {
  const { context, actor, reach, m, page, query } = request
  const search = searchOf(query)
  const { rows, next } = await pageDomains(context, actor, { ...readCursor(query), search: search === '' ? undefined : search, limit: 50 })
  const domains: ServiceRow[] = []
  for (const { domain, mailboxes } of rows) domains.push(await toServiceRow(request, domain, mailboxes))
  const model = {
    query: search,
    sums: await sumsOf(request),
    domains,
    total: await countDomains(request),
    pages: { next: next === null ? undefined : withQuery(links.services, { q: search, after: next }) },
    mayChooseManagers: isSomewhere(reach, 'roles.change'),
  }
  return showPage(servicesView(model, m, page))
}

async function toServiceRow(request: SignedInRequest, domain: string, mailboxes: number): Promise<ServiceRow> {
  const { services, actor, page } = request
  const nouns = services.store.as({ name: actor.login, source: actor.source })
  const within = { domains: [domain] }
  const latest = (await nouns.devices.page({ filter: { within }, sort: 'last-connection', limit: 1 })).rows[0]
  return {
    domain,
    servers: upstreamsOf(services.config(), domain).map(({ name }) => name),
    mailboxes,
    devices: await nouns.devices.count({ within }),
    lastConnectionAt: latest?.lastConnection?.at ?? null,
    endSoon: await nouns.devices.count({ within, endsBefore: page.formats.now + 7 * DAY_MS }),
    serverReachable: true,
  }
}

/** Domains are few beside mailboxes; more than a thousand are counted as a thousand. */
async function countDomains({ context, actor }: SignedInRequest): Promise<number> {
  return (await pageDomains(context, actor, { limit: 1_000 })).rows.length
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
