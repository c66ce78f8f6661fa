/** The mail services: domains within reach, with what is worth a look. */

import { showAddress } from '../../addresses.ts'
import { bdi, type Html, html } from '../../html.ts'
import { links, withQuery } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { PageContext } from '../page-context.ts'
import { type Pages, pager, searchForm } from '../parts/lists.ts'
import { chip, tile } from '../parts/names.ts'
import { emptyState } from '../parts/notes.ts'
import { head } from '../parts/page-head.ts'
import { stats } from '../parts/stats.ts'
import { when } from '../parts/times.ts'

export interface ServicesModel {
  readonly query: string
  /** Sums within the reader's reach, kept for a minute. */
  readonly sums: { readonly connectedNow: number; readonly devices: number; readonly quiet: number; readonly endSoon: number }
  readonly domains: readonly ServiceRow[]
  /** Where the first mailbox would be added when there is no domain at all. */
  readonly firstDomain: string | undefined
  /** Domains within reach. */
  readonly total: number
  readonly pages: Pages
  /** The reader may say who manages which domain. */
  readonly mayChooseManagers: boolean
}

export interface ServiceRow {
  /** With A-labels, as in the store. */
  readonly domain: string
  /** Name of its server; of several: joined by the page. */
  readonly servers: readonly string[]
  readonly mailboxes: number
  readonly devices: number
  readonly lastConnectionAt: number | null
  readonly endSoon: number
  readonly serverReachable: boolean
}

export function servicesView(model: ServicesModel, m: Messages, page: PageContext): Html {
  const { formats } = page
  const { sums, domains } = model
  const list =
    domains.length === 0
      ? noService(model, m)
      : html`<section class="card" aria-label="${m.services.title}"><ul class="rows svc">${domains.map(row => serviceRow(row, m, page))}</ul><footer>${m.services.shown(model.total, domains.length)}</footer></section>`
  const body = html`${head({
    title: m.services.title,
    sub: m.services.sub,
    acts: model.mayChooseManagers && html`<a class="btn" href="${links.managers}">${icons.people}${m.services.managers}</a>`,
  })}
${stats([
  { value: formats.number(sums.connectedNow), label: m.services.connectedNow },
  { value: formats.number(sums.devices), label: m.services.devices },
  { value: formats.number(sums.quiet), label: m.services.quiet },
  { value: formats.number(sums.endSoon), label: m.services.endSoon },
])}
${searchForm({ action: links.services, label: m.services.find, query: model.query }, m)}
<div class="flow" data-results>${list}${pager(model.pages, m)}</div>`
  return appPage({ title: m.services.title, place: 'services', scripts: ['search.js'], body }, m, page)
}

function noService({ query, firstDomain }: ServicesModel, m: Messages): Html {
  if (query !== '') return emptyState({ title: m.words.nothingFound, text: m.services.notFound(query) })
  const add = firstDomain !== undefined && html`<a class="btn primary" href="${links.addMailbox(firstDomain)}">${icons.plus}${m.mailboxes.add}</a>`
  return emptyState({ title: m.services.noneTitle, text: m.services.none, acts: add })
}

function serviceRow(row: ServiceRow, m: Messages, page: PageContext): Html {
  const { formats } = page
  return html`<li>${tile(icons.envelope, row.serverReachable ? undefined : 'r')}<div class="what"><a class="name cover" href="${links.service(row.domain)}">${showAddress(row.domain)}</a><div class="meta">${bdi(formats.list(row.servers))}${
    row.endSoon > 0 && chip(m.services.devicesEndSoon(row.endSoon), 'y', icons.clock)
  }${!row.serverReachable && chip(m.services.serverDown, 'r', icons.warning)}</div></div><div class="n"><b class="num">${formats.number(row.mailboxes)}</b>${m.services.mailboxesWord(row.mailboxes)}</div><div class="n"><b class="num">${formats.number(row.devices)}</b>${m.services.devicesWord(row.devices)}</div><div class="n">${
    row.lastConnectionAt === null ? html`<b>${m.words.never}</b>` : html`<b>${when(row.lastConnectionAt, page)}</b>`
  }${m.services.lastConnection}</div><span class="go">${icons.next}</span></li>`
}

export interface FindModel {
  readonly query: string
  /** At least two characters; below that nothing is looked for. */
  readonly tooShort: boolean
  readonly mailboxes: readonly { readonly address: string; readonly note: string }[]
  readonly devices: readonly { readonly mailbox: string; readonly id: string; readonly name: string }[]
  readonly people: readonly { readonly login: string; readonly name: string }[]
  /** More exist than are shown. */
  readonly more: boolean
}

/** What the field at the top finds. */
export function findView(model: FindModel, m: Messages, page: PageContext): Html {
  const { mailboxes, devices, people } = model
  const none = mailboxes.length + devices.length + people.length === 0
  const group = (title: string, rows: readonly Html[]) =>
    rows.length > 0 && html`<section class="card"><header><h2>${title}</h2></header><ul class="rows mini">${rows}</ul></section>`
  const row = (icon: Html, href: string, name: Html, meta: string) =>
    html`<li>${tile(icon)}<div class="what"><a class="name cover" href="${href}">${name}</a>${meta !== '' && html`<div class="meta"><bdi>${meta}</bdi></div>`}</div><span class="go">${icons.next}</span></li>`
  const body = html`${head({ title: m.find.title })}
${searchForm({ action: links.find, label: m.frame.find, query: model.query }, m)}
<div class="flow" data-results>${model.tooShort ? html`<p class="soft">${m.find.tooShort}</p>` : none && emptyState({ title: m.words.nothingFound, text: m.find.none(model.query) })}${group(
    m.find.mailboxes,
    mailboxes.map(({ address, note }) => row(icons.envelope, links.devices(address), showAddress(address), note)),
  )}${group(
    m.find.devices,
    devices.map(({ mailbox, id, name }) => row(icons.laptop, links.device(mailbox, id), html`<bdi>${name}</bdi>`, mailbox)),
  )}${group(
    m.find.people,
    people.map(({ login, name }) => row(icons.people, links.person(login), html`<bdi>${name}</bdi>`, login)),
  )}${model.more && html`<p class="small muted">${m.find.more}</p>`}</div>`
  return appPage({ title: m.find.title, place: undefined, scripts: ['search.js'], body }, m, page)
}

/** Keeps the search when a filter is chosen, and the other way round. */
export const listLink = (path: string, query: string, filter: string | undefined): string => withQuery(path, { q: query, show: filter })
