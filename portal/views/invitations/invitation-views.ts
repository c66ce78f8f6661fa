/** Invitations, seen by those who make them: the list, a new one, its link shown once. */

import { showAddress } from '../../addresses.ts'
import { bold, type Html, type HtmlValue, html } from '../../html.ts'
import { links, withQuery } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { termFields } from '../devices/add-device-view.ts'
import type { DeviceScope } from '../devices/device-list-view.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { copyLine } from '../parts/copy-line.ts'
import { cancel, choiceField, form, guards, postButton, selectField, submit, textField } from '../parts/forms.ts'
import { filters, menuLine, menuLink, menuPost, type Pages, pager, rowMenu } from '../parts/lists.ts'
import { chip, face, noFace } from '../parts/names.ts'
import { emptyState, note } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'

export type InvitationFilter = 'open' | 'accepted' | 'ended'

export interface InvitationsModel {
  readonly filter: InvitationFilter
  readonly counts: Readonly<Record<InvitationFilter, number>>
  readonly invitations: readonly InvitationRow[]
  readonly pages: Pages
  readonly mayInvite: boolean
  readonly acts: FormState
}

export interface InvitationRow {
  readonly id: string
  /** Undefined: whoever has the link. */
  readonly person?: { readonly name: string; readonly login: string } | undefined
  readonly mailbox: string
  /** Of the device that is to be made, as the invitation suggests it. */
  readonly name: string | null
  readonly scope: DeviceScope
  readonly state: 'open' | 'accepted' | 'ended' | 'revoked'
  readonly endsAt: number
  readonly opened: number
  readonly openedAt: number | null
  readonly mailedAt: number | null
  /** The device that it made. */
  readonly device?: { readonly id: string; readonly name: string; readonly everConnected: boolean } | undefined
  /** When it was accepted, ended or revoked. */
  readonly closedAt: number | null
  readonly mayMail: boolean
}

export function invitationsView(model: InvitationsModel, m: Messages, page: PageContext): Html {
  const invite = model.mayInvite && html`<a class="btn primary" href="${links.addInvitation}">${icons.plus}${m.invitations.invite}</a>`
  const kinds: readonly InvitationFilter[] = ['open', 'accepted', 'ended']
  const list =
    model.invitations.length === 0
      ? emptyState({ title: m.invitations.noneTitles[model.filter], text: m.invitations.none, acts: invite })
      : html`<section class="card" aria-label="${m.invitations.title}"><ul class="rows inv">${model.invitations.map(row => invitationRow(row, model.acts, m, page))}</ul></section>`
  const body = html`${head({ title: m.invitations.title, sub: m.invitations.sub, acts: invite })}${filters(
    m.frame.show,
    kinds.map(kind => ({
      label: m.invitations.filters[kind](page.formats.number(model.counts[kind])),
      href: withQuery(links.invitations, { show: kind === 'open' ? undefined : kind }),
      current: kind === model.filter,
    })),
  )}
${list}${pager(model.pages, m)}`
  return appPage({ title: m.invitations.title, place: 'invitations', body }, m, page)
}

const DAY = 86_400_000
const SOON_MS = 2 * DAY

function invitationRow(row: InvitationRow, acts: FormState, m: Messages, page: PageContext): Html {
  const { formats } = page
  const state = (): HtmlValue => {
    if (row.state === 'accepted') return html`${chip(m.invitations.accepted, 'g', icons.check)} ${row.closedAt !== null && formats.moment(row.closedAt)}`
    if (row.state !== 'open')
      return html`${chip(row.state === 'revoked' ? m.invitations.revoked : m.invitations.over, undefined, icons.cross)} ${row.closedAt !== null && formats.moment(row.closedAt)}`
    return row.endsAt - formats.now < SOON_MS
      ? chip(`${m.devices.ends} ${formats.until(row.endsAt)}`, 'y', icons.clock)
      : html`${chip(m.invitations.open, 'b', icons.clock)} ${m.invitations.untilDay(formats.day(row.endsAt))}`
  }
  const below = (): HtmlValue => {
    if (row.device !== undefined) {
      const device = html`<a href="${links.device(row.mailbox, row.device.id)}"><bdi>${row.device.name}</bdi></a>`
      return row.device.everConnected ? device : html`${device}: ${m.invitations.neverConnected}`
    }
    if (row.openedAt !== null) return m.invitations.opened(row.opened, formats.moment(row.openedAt))
    return row.mailedAt === null ? m.invitations.notOpened : m.invitations.mailedOn(formats.moment(row.mailedAt))
  }
  const open = row.state === 'open'
  const doubtful = row.state === 'accepted' && row.device?.everConnected === false
  const label = row.person === undefined ? m.invitations.actionsForMailbox(row.mailbox) : m.invitations.actionsForPerson(row.person.name)
  const fields = guards(acts)
  const menu = rowMenu(label, [
    open && row.mayMail && menuPost(links.invitationMail(row.id), icons.envelope, m.invitations.mailAgain, undefined, fields),
    (open || doubtful) && menuPost(links.invitationNewLink(row.id), icons.again, m.invitations.newLink, undefined, fields),
    row.device !== undefined && menuLink(links.device(row.mailbox, row.device.id), icons.eye, m.devices.details),
    open && [menuLine, menuPost(links.invitationRevoke(row.id), icons.cross, m.invitations.revoke, 'red', fields)],
  ])
  return html`<li>${row.person === undefined ? noFace() : face(row.person)}<div class="what">${row.person === undefined ? html`<b>${m.invitations.whoever}</b>` : bold(row.person.name)}<div class="meta"><span>${showAddress(row.mailbox)} · ${m.devices.scopesSmall[row.scope]}</span>${row.name !== null && html`<span><bdi>${row.name}</bdi></span>`}</div></div><div class="mid small soft">${state()}<div class="muted">${below()}</div></div>${menu}</li>`
}

/** `who`: `person` or `anyone`; `reach`: `copy` or `mail`; the rest as when adding a device. */
export type InvitationFields = 'mailbox' | 'name' | 'who' | 'person' | 'scope' | 'ends' | 'date' | 'networks' | 'reach'

export interface AddInvitationModel {
  readonly form: FormState<InvitationFields>
  /** Mailboxes to suggest; one is enough, and is filled in. */
  readonly mailboxes: readonly string[]
  readonly people: readonly { readonly login: string; readonly name: string }[]
  readonly mayMail: boolean
  readonly clientAddress: string
  /** Days that the link works. */
  readonly days: number
}

export function addInvitationView(model: AddInvitationModel, m: Messages, page: PageContext): Html {
  const state = model.form
  const only = model.mailboxes.length === 1 ? model.mailboxes[0] : undefined
  const mailbox = textField(
    {
      name: 'mailbox',
      label: m.people.mailbox,
      value: only,
      required: true,
      maxLength: 254,
      literal: true,
      autocomplete: 'off',
      list: 'known-mailboxes',
      focus: only === undefined,
    },
    state,
  )
  const known = html`<datalist id="known-mailboxes">${model.mailboxes.slice(0, 200).map(address => html`<option value="${address}"></option>`)}</datalist>`
  const whom = choiceField(
    {
      name: 'who',
      legend: m.invitations.forWhom,
      look: 'cards',
      value: model.people.length > 0 ? 'person' : 'anyone',
      choices: [
        ...(model.people.length > 0 ? [{ value: 'person', label: m.invitations.person, about: m.invitations.personAbout }] : []),
        { value: 'anyone', label: m.invitations.whoever, about: m.invitations.whoeverAbout },
      ],
    },
    state,
  )
  const person =
    model.people.length > 0 &&
    html`<div class="only-named">${selectField({ name: 'person', label: m.devices.person, options: model.people.map(({ login, name }) => ({ value: login, label: name === login ? login : `${name}, ${login}` })) }, state)}</div>`
  const name = textField(
    {
      name: 'name',
      label: m.invitations.deviceName,
      aside: m.invitations.deviceNameAside,
      maxLength: 100,
      autocomplete: 'off',
      hint: m.invitations.deviceNameHint,
    },
    state,
  )
  const reach = choiceField(
    {
      name: 'reach',
      legend: m.invitations.howReach,
      look: 'stack',
      value: 'copy',
      choices: [
        { value: 'copy', label: m.invitations.copyLink, about: m.invitations.copyLinkAbout },
        ...(model.mayMail ? [{ value: 'mail', label: m.invitations.mailIt, about: m.invitations.mailItAbout }] : []),
      ],
    },
    state,
  )
  const fields = html`${mailbox}${known}<div class="flow named-field">${whom}${person}</div>${name}${termFields(state, m, { networkHint: m.devices.networksHint(model.clientAddress), legend: m.invitations.deviceMay })}${reach}`
  const body = html`${head({ title: m.invitations.inviteTitle, sub: m.invitations.about })}
${form({ action: links.invitations, state, look: 'card pad', fields, acts: [submit(m.invitations.make), cancel(links.invitations, m.words.cancel)] }, m)}
${note({ text: m.invitations.daysNote(model.days) })}`
  return appPage(
    {
      title: m.invitations.inviteTitle,
      place: 'invitations',
      width: 'slim',
      above: crumbs([{ label: m.invitations.title, href: links.invitations }, { label: m.invitations.new }], m),
      body,
    },
    m,
    page,
  )
}

export interface InvitationCreatedModel {
  readonly id: string
  readonly url: string
  /** Undefined: whoever has the link. */
  readonly person?: { readonly name: string; readonly firstName: string } | undefined
  readonly mailbox: string
  readonly endsAt: number
  readonly mailedTo?: string | undefined
  readonly mayMail: boolean
  readonly acts: FormState
}

export function invitationCreatedView(model: InvitationCreatedModel, m: Messages, page: PageContext): Html {
  const { person } = model
  const body = html`${head({ title: m.invitations.ready, sub: person === undefined ? m.invitations.forWhoever(model.mailbox) : m.invitations.forPerson(person.name, model.mailbox) })}<section class="card pad flow">${copyLine({ id: 'invitation-link', label: m.invitations.link, value: model.url }, m)}<p class="small muted">${m.invitations.onceUntil(page.formats.longDay(model.endsAt))}</p></section>${
    model.mailedTo !== undefined && note({ tone: 'ok', icon: icons.check, text: m.people.startMailed(model.mailedTo) })
  }${note({ icon: icons.shield, text: person === undefined ? m.invitations.canRead : m.invitations.canReadNamed(person.firstName) })}<div class="acts"><a class="btn primary" href="${links.invitations}">${m.words.done}</a>${
    model.mayMail &&
    model.mailedTo === undefined &&
    person !== undefined &&
    postButton(links.invitationMail(model.id), model.acts, [icons.envelope, html`<span>${m.invitations.mailTo(person.firstName)}</span>`], 'btn quiet')
  }</div>`
  const name = person === undefined ? m.invitations.whoever : html`<bdi>${person.name}</bdi>`
  return appPage(
    {
      title: m.invitations.ready,
      place: 'invitations',
      width: 'slim',
      isOnce: true,
      scripts: ['password.js'],
      above: crumbs([{ label: m.invitations.title, href: links.invitations }, { label: name }], m),
      body,
    },
    m,
    page,
  )
}
