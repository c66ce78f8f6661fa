/** A mailbox at a glance: connected now, who can use it, what ends soon, recipients today. */

import { bold, type Html, html, join } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { PageContext } from '../page-context.ts'
import { type DeviceKind, deviceTile, face, noFace } from '../parts/names.ts'
import { note } from '../parts/notes.ts'
import { stats } from '../parts/stats.ts'
import { type MailboxHead, mailboxCrumbs, mailboxHead, placeOf } from './mailbox-head.ts'

export interface MailboxModel {
  readonly mailbox: MailboxHead
  /** Devices that end within a week. */
  readonly endSoon: readonly { readonly id: string; readonly name: string; readonly endsAt: number; readonly user?: string | undefined }[]
  readonly connected: number
  readonly lastConnectionAt: number | null
  readonly recipientsToday: number
  /** null: no limit. */
  readonly recipientsAllowed: number | null
  readonly refusedThisWeek: number
  readonly connectedNow: readonly { readonly id: string; readonly name: string; readonly kind: DeviceKind; readonly app: string | null; readonly ip: string }[]
  /** The first few. */
  readonly people: readonly MailboxPerson[]
  /** Devices without a user. */
  readonly withoutUser: number
  readonly mayResume: boolean
}

export interface MailboxPerson {
  readonly name: string
  readonly login: string
  readonly manages: boolean
  readonly devices: number
  readonly maySend: boolean
}

export function mailboxView(model: MailboxModel, m: Messages, page: PageContext): Html {
  const { mailbox } = model
  const { formats } = page
  const figures = stats([
    { value: m.mailboxes.connected(model.connected), label: m.mailbox.ofDevices(mailbox.devices), look: model.connected > 0 ? 'live' : 'words' },
    model.lastConnectionAt === null
      ? { value: m.words.never, label: m.mailbox.noConnectionYet, look: 'words' }
      : { value: formats.shortAgo(model.lastConnectionAt), label: m.mailbox.sinceLast },
    {
      value: formats.number(model.recipientsToday),
      label: model.recipientsAllowed === null ? m.mailbox.recipientsToday : m.mailbox.recipientsOf(model.recipientsAllowed),
    },
    { value: formats.number(model.refusedThisWeek), label: m.mailbox.refusedThisWeek },
  ])
  const ends = model.endSoon.map(device =>
    note({
      tone: 'warn',
      icon: icons.clock,
      text: m.mailbox.endsSoon(device.name, formats.until(device.endsAt), links.device(mailbox.address, device.id), device.user),
    }),
  )
  const paused =
    mailbox.paused &&
    note({
      tone: 'warn',
      icon: icons.power,
      text: html`${m.mailbox.pausedAbout} ${model.mayResume && html`<a href="${links.mailboxSettings(mailbox.address)}#pause">${m.mailbox.endPause}</a>`}`,
    })
  const body = html`${mailboxHead(mailbox, 'overview', m, page)}${paused}${ends}
${figures}
<div class="cards">${connectedCard(model, m)}
${peopleCard(model, m)}</div>`
  return appPage(
    { title: m.mailbox.pageTitle(m.mailbox.tabs.overview, mailbox.address), place: placeOf(mailbox), above: mailboxCrumbs(mailbox, [], m), body },
    m,
    page,
  )
}

function connectedCard({ mailbox, connectedNow }: MailboxModel, m: Messages): Html {
  const rows = connectedNow.map(
    device =>
      html`<li>${deviceTile(device.kind)}<div class="what"><a class="name" href="${links.device(mailbox.address, device.id)}"><bdi>${device.name}</bdi></a><div class="meta"><span>${join([device.app !== null && html`<bdi>${device.app}</bdi>`, device.ip], ' · ')}</span></div></div></li>`,
  )
  return html`<section class="card"><header><h2>${m.devices.connectedNow}</h2></header>${rows.length === 0 ? html`<p class="pad small soft">${m.mailbox.nobodyConnected}</p>` : html`<ul class="rows mini">${rows}</ul>`}</section>`
}

function peopleCard({ mailbox, people, withoutUser }: MailboxModel, m: Messages): Html {
  const rows = people.map(
    person =>
      html`<li>${face(person)}<div class="what">${bold(person.name)}<div class="meta"><span>${join(
        [
          person.manages && m.mailbox.manages,
          person.devices > 0 && m.mailbox.usesDevices(person.devices),
          person.maySend ? m.people.maySendShort : m.people.mayNotSendShort,
        ],
        ' · ',
      )}</span></div></div></li>`,
  )
  const machines =
    withoutUser > 0 && html`<li>${noFace()}<div class="what"><b>${m.devices.noUser}</b><div class="meta">${m.mailbox.machines(withoutUser)}</div></div></li>`
  const all = mailbox.tabs.includes('users') && html`<a class="btn s quiet push" href="${links.mailboxUsers(mailbox.address)}">${m.words.all}</a>`
  return html`<section class="card"><header><h2>${m.mailbox.whoCanUse}</h2>${all}</header>${
    rows.length === 0 && withoutUser === 0 ? html`<p class="pad small soft">${m.mailbox.nobodyYet}</p>` : html`<ul class="rows mini">${rows}${machines}</ul>`
  }</section>`
}
