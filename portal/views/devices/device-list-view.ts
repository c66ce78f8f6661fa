/** The devices of a mailbox: who, what, may, when, where, until; or the closed gate where there is none. */

import { type Html, type HtmlValue, html, join } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { capital } from '../../messages/formats.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import { type MailboxHead, mailboxCrumbs, mailboxHead, placeOf } from '../mailboxes/mailbox-head.ts'
import type { PageContext } from '../page-context.ts'
import { menuLine, menuLink, menuPost, rowMenu, searchForm } from '../parts/lists.ts'
import { chip, type DeviceKind, deviceTile, face, noFace } from '../parts/names.ts'
import { emptyState } from '../parts/notes.ts'
import { clockTime, day, whenFirst } from '../parts/times.ts'

export type DeviceScope = 'both' | 'read' | 'send'

export interface DeviceRow {
  readonly id: string
  readonly name: string
  readonly kind: DeviceKind
  /** The person it is linked to; undefined: no user. */
  readonly user?: { readonly name: string; readonly login: string } | undefined
  readonly scope: DeviceScope
  /** It would send, but the right of its person or of the mailbox is off. */
  readonly sendingOff: boolean
  /** CIDR blocks; empty: everywhere. */
  readonly networks: readonly string[]
  readonly state: 'active' | 'paused' | 'ended'
  readonly endsAt: number | null
  /** Live sessions now, and since when the first of them. */
  readonly sessions: number
  readonly connectedSince?: number | undefined
  readonly last: LastConnection | null
  readonly madeAt: number
  readonly madeBy: string
  /** Why it is kept out, when it keeps trying. */
  readonly refused?: { readonly reason: RefusedReason; readonly tries: number } | undefined
  readonly may: DeviceActs
}

export type RefusedReason = 'ended' | 'paused' | 'mailbox-paused' | 'network' | 'scope' | 'wrong-secret' | 'too-many-sessions' | 'user-blocked'

export interface LastConnection {
  readonly at: number
  /** As the app named itself, cut to a name and a version. */
  readonly app: string | null
  readonly ip: string
}

/** What the reader may do with one device. */
export interface DeviceActs {
  readonly password: boolean
  readonly rules: boolean
  readonly pause: boolean
  readonly disconnect: boolean
}

export interface DeviceListModel {
  readonly mailbox: MailboxHead
  /** Connected first, then by last connection. */
  readonly devices: readonly DeviceRow[]
  /** Shown from 20 devices on. */
  readonly query: string
  /** All of them, also when the search found fewer. */
  readonly total: number
  readonly disconnectedLately: number
  /** Quiet for 90 days. */
  readonly quiet: number
  readonly mayAdd: boolean
  readonly mayInvite: boolean
  /** May end all sessions and disconnect all. */
  readonly mayAll: boolean
}

const SEARCH_FROM = 20
const QUIET_DAYS = 90

export function deviceListView(model: DeviceListModel, m: Messages, page: PageContext): Html {
  const { mailbox, devices } = model
  const { address } = mailbox
  const add = model.mayAdd && html`<a class="btn primary" href="${links.addDevice(address)}">${icons.plus}${m.devices.add}</a>`
  const former = model.disconnectedLately > 0 && html`<a href="${links.formerDevices(address)}">${m.devices.disconnectedLately(model.disconnectedLately)}</a>`
  const search = model.total >= SEARCH_FROM && searchForm({ action: links.devices(address), label: m.devices.find, query: model.query }, m)
  const list =
    devices.length > 0
      ? html`<section class="card" aria-label="${m.devices.title}"><ul class="rows dev">${devices.map(device => deviceRow(address, device, m, page))}</ul><footer>${join([m.devices.count(model.total), former], ' · ')}</footer></section>`
      : emptyState({ title: m.words.nothingFound, text: m.devices.notFound })
  const body =
    model.total === 0
      ? html`${mailboxHead(mailbox, 'devices', m, page)}${emptyState({
          title: m.devices.noneTitle,
          text: m.devices.none,
          acts: [
            add,
            model.mayInvite &&
              html`<a class="btn" href="${links.addInvitation}?mailbox=${encodeURIComponent(address)}">${icons.link}${m.invitations.invite}</a>`,
          ],
        })}${former !== false && html`<p class="small">${former}</p>`}`
      : html`${mailboxHead(mailbox, 'devices', m, page, add)}
<div class="tools"><p class="soft grows">${m.devices.each}</p>${model.mayAll && allDevicesMenu(model, m)}</div>
${search}<div class="flow" data-results>${list}</div>`
  return appPage(
    {
      title: m.devices.of(address),
      place: placeOf(mailbox),
      scripts: model.total >= SEARCH_FROM ? ['search.js'] : [],
      above: mailboxCrumbs(mailbox, [], m),
      body,
    },
    m,
    page,
  )
}

function allDevicesMenu({ mailbox: { address }, quiet }: DeviceListModel, m: Messages): Html {
  return html`<details class="menu"><summary class="btn s">${icons.more}${m.devices.all}</summary><div class="drop">${menuLink(links.allDevices(address, 'end-sessions'), icons.power, m.devices.endAllSessions)}${
    quiet > 0 && menuLink(links.allDevices(address, 'disconnect-quiet'), icons.clock, m.devices.disconnectQuiet(quiet), 'red')
  }${menuLine}${menuLink(links.allDevices(address, 'disconnect-all'), icons.unplug, m.devices.disconnectAll, 'red')}</div></details>`
}

function deviceRow(address: string, device: DeviceRow, m: Messages, page: PageContext): Html {
  return html`<li${device.state === 'paused' && html` class="off"`}>${deviceTile(device.kind, device.state === 'paused' ? 'off' : 'on')}<div class="what"><a class="name" href="${links.device(address, device.id)}"><bdi>${device.name}</bdi></a><div class="meta">${userOf(device, m)}${deviceChips(device, m)}</div></div><div class="last">${lastOf(device, m, page)}</div>${endOf(device, m, page)}${deviceMenu(address, device, m)}</li>`
}

export const userOf = ({ user }: Pick<DeviceRow, 'user'>, m: Messages): Html =>
  user === undefined
    ? html`<span class="line near">${noFace('s')}${m.devices.noUser}</span>`
    : html`<span class="line near">${face(user, 's')}<bdi>${user.name}</bdi></span>`

export const deviceChips = (device: Pick<DeviceRow, 'scope' | 'sendingOff' | 'networks' | 'state'>, m: Messages): HtmlValue => [
  chip(m.devices.scopes[device.scope]),
  device.sendingOff && device.scope !== 'read' && chip(m.devices.sendingOff, 'r', icons.send),
  device.networks.length > 0 && chip(m.devices.from(device.networks)),
  device.state === 'paused' && chip(m.devices.paused, 'y', icons.power),
]

function lastOf(device: DeviceRow, m: Messages, page: PageContext): HtmlValue {
  const { last } = device
  const where = last !== null && html`${last.app === null ? m.devices.appUnknown : html`<bdi>${last.app}</bdi>`}<br>${last.ip}`
  if (device.sessions > 0 && last !== null) {
    const since = device.connectedSince !== undefined && html` · ${m.devices.since} ${clockTime(device.connectedSince, page)}`
    return html`<span class="live">${m.devices.connectedNow}</span><div class="muted">${m.devices.sessions(device.sessions)} · ${last.app === null ? m.devices.appUnknown : html`<bdi>${last.app}</bdi>`}<br>${last.ip}${since}</div>`
  }
  if (last === null)
    return html`${m.devices.neverConnected}<div class="muted">${m.devices.madeBy(device.madeBy, page.formats.nearDay(device.madeAt))}</div>${refusedOf(device, m)}`
  const days = page.formats.daysSince(last.at)
  return html`${days >= QUIET_DAYS ? m.devices.quietFor(days) : whenFirst(last.at, page)}<div class="muted">${where}</div>${refusedOf(device, m)}`
}

const refusedOf = ({ refused }: DeviceRow, m: Messages): HtmlValue =>
  refused !== undefined && html`<div class="muted refused">${icons.cross} ${m.devices.refusedTries(refused.tries)}: ${m.refusals[refused.reason]}</div>`

const DAY = 86_400_000
const SOON_MS = 7 * DAY

function endOf(device: DeviceRow, m: Messages, page: PageContext): Html {
  const { endsAt } = device
  if (endsAt === null) return html`<div class="exp none">${m.devices.noEnd}</div>`
  if (device.state === 'ended' || endsAt <= page.formats.now)
    return html`<div class="exp">${chip(m.devices.endedOn(page.formats.day(endsAt)), 'r', icons.clock)}<div class="muted">${m.devices.cannotConnect}</div></div>`
  const left = capital(page.formats.until(endsAt))
  if (endsAt - page.formats.now > SOON_MS)
    return html`<div class="exp"><span>${m.devices.ends} ${day(endsAt, page)}</span><div class="muted">${left}</div></div>`
  return html`<div class="exp">${chip(`${m.devices.ends} ${page.formats.until(endsAt)}`, 'y', icons.clock)}<div class="muted">${day(endsAt, page)}</div></div>`
}

export function deviceMenu(address: string, device: Pick<DeviceRow, 'id' | 'name' | 'state' | 'may'>, m: Messages): Html {
  const { id, may } = device
  const pause =
    device.state === 'paused'
      ? menuPost(links.deviceResume(address, id), icons.power, m.devices.resume)
      : menuPost(links.devicePause(address, id), icons.power, m.devices.pause)
  return rowMenu(m.devices.actionsFor(device.name), [
    menuLink(links.device(address, id), icons.eye, m.devices.details),
    may.password && menuLink(links.devicePassword(address, id), icons.key, m.devices.changePassword),
    may.rules && menuLink(`${links.device(address, id)}#rules`, icons.pen, m.devices.changeRules),
    may.pause && pause,
    may.disconnect && [menuLine, menuLink(links.deviceDisconnect(address, id), icons.unplug, m.devices.disconnect, 'red')],
  ])
}

export interface FormerDevicesModel {
  readonly mailbox: MailboxHead
  /** Newest first. */
  readonly devices: readonly {
    readonly name: string
    readonly kind: DeviceKind
    readonly at: number
    readonly by: string
    readonly last: LastConnection | null
  }[]
}

/** What was disconnected in the last 30 days: names stay known, passwords do not. */
export function formerDevicesView({ mailbox, devices }: FormerDevicesModel, m: Messages, page: PageContext): Html {
  const row = (device: FormerDevicesModel['devices'][number]) =>
    html`<li class="off">${deviceTile(device.kind, 'off')}<div class="what"><span class="name"><bdi>${device.name}</bdi></span><div class="meta"><span>${m.devices.disconnectedBy(device.by, page.formats.moment(device.at))}</span></div></div><div class="mid small soft">${
      device.last === null
        ? m.devices.neverConnected
        : html`${whenFirst(device.last.at, page)}${device.last.app !== null && html` · <bdi>${device.last.app}</bdi>`}`
    }</div><span></span></li>`
  const body = html`${mailboxHead(mailbox, 'devices', m, page)}<p class="soft">${m.devices.formerAbout}</p>
${devices.length === 0 ? html`<p class="soft">${m.devices.noFormer}</p>` : html`<section class="card" aria-label="${m.devices.formerTitle}"><ul class="rows inv">${devices.map(row)}</ul></section>`}
<div class="acts"><a class="btn" href="${links.devices(mailbox.address)}">${icons.previous}${m.devices.backToDevices}</a></div>`
  return appPage({ title: m.devices.formerTitle, place: placeOf(mailbox), above: mailboxCrumbs(mailbox, [{ label: m.devices.formerTitle }], m), body }, m, page)
}
