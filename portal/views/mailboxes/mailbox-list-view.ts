/** The mailboxes of one mail service; and those of a person, with the devices they use. */

import { showAddress, unicodeDomain } from '../../addresses.ts'
import { type Html, type HtmlValue, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { PageContext } from '../page-context.ts'
import { filters, type Pages, pager, searchForm } from '../parts/lists.ts'
import { chip, type DeviceKind, deviceTile, face, mailboxFace } from '../parts/names.ts'
import { emptyState, note } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'
import { until, when } from '../parts/times.ts'
import { listLink } from './services-view.ts'

export type MailboxFilter = 'all' | 'connected' | 'no-device' | 'quiet' | 'paused'
const FILTERS: readonly MailboxFilter[] = ['all', 'connected', 'no-device', 'quiet', 'paused']

export interface ServiceModel {
  readonly domain: string
  /** All mailboxes of the domain, by its indexed count. */
  readonly total: number
  readonly servers: readonly { readonly name: string; readonly reachable: boolean }[]
  readonly query: string
  readonly filter: MailboxFilter
  readonly mailboxes: readonly MailboxRow[]
  readonly pages: Pages
  readonly mayAdd: boolean
}

export interface MailboxRow {
  readonly address: string
  readonly note: string
  /** The person whose mailbox it is, for the face; undefined: a shared one. */
  readonly owner?: { readonly name: string; readonly login: string } | undefined
  readonly devices: number
  readonly connected: number
  readonly lastConnectionAt: number | null
  readonly paused: boolean
}

export function serviceView(model: ServiceModel, m: Messages, page: PageContext): Html {
  const name = unicodeDomain(model.domain)
  const path = links.service(model.domain)
  const servers = model.servers.map(
    ({ name: server, reachable }) =>
      html` · ${m.mailboxes.keptOn(server)} ${reachable ? chip(m.mailboxes.reachable, 'g', icons.check) : chip(m.services.serverDown, 'r', icons.warning)}`,
  )
  const add = model.mayAdd && html`<a class="btn primary" href="${links.addMailbox(model.domain)}">${icons.plus}${m.mailboxes.add}</a>`
  const narrowed = model.query !== '' || model.filter !== 'all'
  const list =
    model.mailboxes.length > 0
      ? html`<section class="card" aria-label="${m.mailboxes.title}"><ul class="rows mbx">${model.mailboxes.map(row => mailboxRow(row, m, page))}</ul></section>`
      : emptyState(narrowed ? { title: m.words.nothingFound, text: m.mailboxes.notFound } : { title: m.mailboxes.noneTitle, text: m.mailboxes.none, acts: add })
  const body = html`${head({ title: showAddress(model.domain), sub: html`${m.mailboxes.count(model.total)}${servers}`, acts: add })}
${searchForm({ action: path, label: m.mailboxes.find(name), placeholder: m.mailboxes.findHint, query: model.query, keep: { show: model.filter === 'all' ? undefined : model.filter } }, m)}
${filters(
  m.frame.show,
  FILTERS.map(filter => ({
    label: m.mailboxes.filters[filter],
    href: listLink(path, model.query, filter === 'all' ? undefined : filter),
    current: filter === model.filter,
  })),
)}
<div class="flow" data-results>${list}${pager(model.pages, m)}</div>`
  return appPage(
    {
      title: name,
      place: 'services',
      scripts: ['search.js'],
      above: crumbs([{ label: m.services.title, href: links.services }, { label: showAddress(model.domain) }], m),
      body,
    },
    m,
    page,
  )
}

function mailboxRow(row: MailboxRow, m: Messages, page: PageContext): Html {
  const last = (): HtmlValue => {
    if (row.paused) return chip(m.devices.paused, 'y', icons.power)
    if (row.connected > 0) return html`<span class="live">${m.mailboxes.connected(row.connected)}</span>`
    if (row.devices === 0) return chip(m.mailboxes.noDevice)
    return row.lastConnectionAt === null ? m.devices.neverConnected : when(row.lastConnectionAt, page)
  }
  return html`<li>${row.owner === undefined ? mailboxFace(row.address) : face(row.owner)}<div class="what"><a class="name cover" href="${links.devices(row.address)}">${showAddress(row.address)}</a>${
    row.note !== '' && html`<div class="meta"><bdi>${row.note}</bdi></div>`
  }</div><div class="c">${row.devices > 0 && m.mailboxes.devices(row.devices)}</div><div class="c">${last()}</div><span class="go">${icons.next}</span></li>`
}

export interface MyMailboxesModel {
  readonly firstName: string
  readonly mailboxes: readonly MyMailbox[]
  readonly pages: Pages
  /** They sign in with a password alone. */
  readonly suggestPasskey: boolean
}

export interface MyMailbox {
  readonly address: string
  /** `lookedAfter`: by a role, without a right of one's own there. */
  readonly whose: 'yours' | 'shared' | 'lookedAfter'
  /** Of this person, and what else they may see. */
  readonly devices: readonly MyDevice[]
  readonly mayAdd: boolean
  /** Whom to ask for a device: managers of the mailbox or its domain; empty: nobody in particular. */
  readonly askNames: readonly string[]
}

export interface MyDevice {
  readonly id: string
  readonly name: string
  readonly kind: DeviceKind
  readonly connected: boolean
  readonly lastConnectionAt: number | null
  readonly state: 'active' | 'paused' | 'ended'
  /** Ends within a week. */
  readonly endsSoonAt: number | null
}

export function myMailboxesView({ firstName, mailboxes, pages, suggestPasskey }: MyMailboxesModel, m: Messages, page: PageContext): Html {
  const body = html`${head({ title: m.mine.greeting(partOfDay(page), firstName), sub: m.mine.sub })}
${
  mailboxes.length === 0
    ? emptyState({ title: m.mine.noneTitle, text: m.mine.none })
    : html`<div class="cards">${mailboxes.map(mailbox => myMailbox(mailbox, m, page))}</div>${pager(pages, m)}`
}
${suggestPasskey && note({ icon: icons.shield, text: html`<b>${m.mine.passkeyTitle}</b> ${m.mine.passkey} <a href="${links.accountPasskeys}">${m.mine.passkeyLink}</a>` })}`
  return appPage({ title: m.places.mailboxes, place: 'mailboxes', body }, m, page)
}

function partOfDay({ formats }: PageContext): 'morning' | 'day' | 'evening' {
  const hour = Number(formats.time(formats.now).slice(0, 2))
  if (hour >= 4 && hour < 12) return 'morning'
  return hour >= 12 && hour < 18 ? 'day' : 'evening'
}

function myMailbox({ address, whose, devices, mayAdd, askNames }: MyMailbox, m: Messages, page: PageContext): Html {
  const state = (device: MyDevice): HtmlValue => {
    if (device.state === 'paused') return chip(m.devices.paused, 'y', icons.power)
    if (device.state === 'ended') return chip(m.devices.ended, 'r', icons.clock)
    if (device.endsSoonAt !== null) return chip(html`${m.devices.ends} ${until(device.endsSoonAt, page)}`, 'y', icons.clock)
    if (device.connected) return html`<span class="live">${m.devices.connectedNow}</span>`
    return device.lastConnectionAt === null ? m.devices.neverConnected : when(device.lastConnectionAt, page)
  }
  const list =
    devices.length > 0
      ? html`<ul class="rows mini">${devices.map(
          device =>
            html`<li>${deviceTile(device.kind, device.state === 'active' ? 'on' : 'off')}<div class="what"><a class="name cover" href="${links.device(address, device.id)}"><bdi>${device.name}</bdi></a><div class="meta">${state(device)}</div></div><span class="go">${icons.next}</span></li>`,
        )}</ul>`
      : html`<div class="pad small soft">${m.mine.noDevice} ${!mayAdd && (askNames.length > 0 ? m.mine.ask(page.formats.list(askNames)) : m.mine.askSomebody)}</div>`
  return html`<section class="card"><header><div><h2><a class="plain" href="${links.devices(address)}">${showAddress(address)}</a></h2><p class="small muted">${m.mine[whose]}</p></div></header>${list}${
    mayAdd && html`<footer><a href="${links.addDevice(address)}">${icons.plus} ${m.devices.add}</a></footer>`
  }</section>`
}
