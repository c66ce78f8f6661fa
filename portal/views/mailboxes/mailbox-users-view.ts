/** People who may do something with a mailbox, and those who are invited; adding one, and taking away. */

import { showAddress } from '../../addresses.ts'
import { type Html, type HtmlValue, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { cancel, checkCards, choiceField, form, guards, submit, textField } from '../parts/forms.ts'
import { menuLine, menuLink, menuPost, rowMenu } from '../parts/lists.ts'
import { chip, face } from '../parts/names.ts'
import { consequences, emptyState } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'
import { type MailboxHead, mailboxCrumbs, mailboxHead, placeOf } from './mailbox-head.ts'

/** What a person may do with a mailbox. */
export interface Rights {
  readonly use: boolean
  readonly make: boolean
  readonly see: boolean
  readonly send: boolean
  readonly manage: boolean
}

export type RightName = keyof Rights
export const RIGHTS: readonly RightName[] = ['use', 'make', 'see', 'send', 'manage']

export interface MailboxUsersModel {
  readonly mailbox: MailboxHead
  readonly people: readonly MailboxUser[]
  readonly mayAdd: boolean
  readonly acts: FormState
}

export interface MailboxUser {
  readonly login: string
  readonly name: string
  readonly self: boolean
  readonly rights: Rights
  readonly devices: number
  /** All of these devices are paused. */
  readonly devicesPaused: boolean
  /** The right to send everywhere. */
  readonly maySend: boolean
  readonly blocked: boolean
  /** Invited, not yet accepted. */
  readonly invited?: string | undefined
  readonly may: { readonly open: boolean; readonly change: boolean }
}

export function mailboxUsersView(model: MailboxUsersModel, m: Messages, page: PageContext): Html {
  const { mailbox, people } = model
  const add = model.mayAdd && html`<a class="btn" href="${links.addUser(mailbox.address)}">${icons.plus}${m.people.add}</a>`
  const list =
    people.length === 0
      ? emptyState({ title: m.people.noneHereTitle, text: m.people.noneHere, acts: add })
      : html`<div class="tools"><p class="soft grows">${m.people.here}</p>${add}</div>
<section class="card" aria-label="${m.people.title}"><ul class="rows ppl">${people.map(person => userRow(mailbox.address, person, model.acts, m))}</ul></section>`
  const body = html`${mailboxHead(mailbox, 'users', m, page)}${list}`
  return appPage(
    { title: m.mailbox.pageTitle(m.mailbox.tabs.users, mailbox.address), place: placeOf(mailbox), above: mailboxCrumbs(mailbox, [], m), body },
    m,
    page,
  )
}

function userRow(address: string, person: MailboxUser, acts: FormState, m: Messages): Html {
  const name = person.may.open
    ? html`<a class="name" href="${links.person(person.login)}"><bdi>${person.name}</bdi></a>`
    : html`<span class="name"><bdi>${person.name}</bdi></span>`
  const chips =
    person.invited !== undefined
      ? chip(m.people.invited, 'b', icons.clock)
      : [
          rightChips(person.rights, m),
          person.devices > 0 && chip(person.devicesPaused ? m.people.devicesPaused(person.devices) : m.people.devices(person.devices)),
        ]
  const sends = person.rights.send && person.maySend
  const state = (): HtmlValue => {
    if (person.blocked) return chip(m.people.blocked, 'r', icons.power)
    if (person.invited !== undefined) return html`<span></span>`
    return sends ? html`<span class="small soft hide-s">${m.people.maySend}</span>` : chip(m.people.mayNotSend, 'r', icons.send)
  }
  const sending = menuPost(links.userSending(address, person.login), icons.send, person.rights.send ? m.people.takeSending : m.people.giveSending, undefined, [
    guards(acts),
    html`<input type="hidden" name="send" value="${person.rights.send ? 'off' : 'on'}">`,
  ])
  const menu = rowMenu(m.devices.actionsFor(person.name), [
    person.may.open && menuLink(links.person(person.login), icons.eye, m.people.rightsAndDevices),
    person.invited !== undefined && menuLink(links.invitation(person.invited), icons.link, m.people.theInvitation),
    person.may.change && person.invited === undefined && sending,
    person.may.change && [menuLine, menuLink(links.removeUser(address, person.login), icons.cross, m.people.removeFrom, 'red')],
  ])
  return html`<li>${face(person)}<div class="what">${name}<div class="meta"><span>${showAddress(person.login)}${person.self && html` · ${m.people.you}`}</span></div></div><div class="mid"><div class="meta flat">${chips}</div></div>${state()}${menu}</li>`
}

export function rightChips(rights: Rights, m: Messages): HtmlValue {
  if (rights.manage) return chip(m.people.rightChips.manage, 'g')
  return [rights.make ? chip(m.people.rightChips.make) : rights.use && chip(m.people.rightChips.use), rights.see && chip(m.people.rightChips.see)]
}

export interface AddUserModel {
  readonly address: string
  readonly domain?: string | undefined
  /** Fields `person` (login or e-mail), `name`, and one of each right: `on`. */
  readonly form: FormState<'person' | 'name' | RightName>
  /** Nobody here has it yet: they get a start link. */
  readonly isNew?: { readonly firstName: string } | undefined
  /** Those that the reader may give. */
  readonly rights: readonly RightName[]
  /** To choose from as one types. */
  readonly suggestions: readonly { readonly login: string; readonly name: string }[]
}

export function addUserView(model: AddUserModel, m: Messages, page: PageContext): Html {
  const { address, form: state } = model
  const hint = model.isNew === undefined ? m.people.whoHint : m.people.newHint(model.isNew.firstName)
  const who = textField(
    { name: 'person', label: m.people.nameOrMail, required: true, maxLength: 254, autocomplete: 'off', literal: true, hint, list: 'known-people', focus: true },
    state,
  )
  const known = html`<datalist id="known-people">${model.suggestions.map(({ login, name }) => html`<option value="${login}">${name}</option>`)}</datalist>`
  const name = textField({ name: 'name', label: m.people.name, aside: m.people.nameAside, maxLength: 100, autocomplete: 'off' }, state)
  const boxes = model.rights.map(right => ({ value: right, ...m.people.rightAbouts[right], checked: right === 'use' || right === 'make' || right === 'send' }))
  const fields = html`${who}${known}${name}${checkCards(m.people.whatMay(address), boxes, state)}`
  const button = model.isNew === undefined ? m.people.addButton : m.people.addNamed(model.isNew.firstName)
  const body = html`${head({ title: m.people.add, sub: m.devices.to(address) })}${form({ action: links.mailboxUsers(address), state, look: 'card pad', fields, acts: [submit(button), cancel(links.mailboxUsers(address), m.words.cancel)] }, m)}`
  const above = crumbs([{ label: showAddress(address), href: links.mailboxUsers(address) }, { label: m.people.add }], m)
  return appPage({ title: m.people.add, place: placeOf(model), width: 'slim', above, body }, m, page)
}

export interface RemoveUserModel {
  readonly address: string
  readonly domain?: string | undefined
  readonly person: { readonly login: string; readonly name: string }
  /** Field `devices`: `disconnect` or `keep`. */
  readonly form: FormState<'devices'>
  /** Linked to them in this mailbox. */
  readonly devices: number
}

export function removeUserView(model: RemoveUserModel, m: Messages, page: PageContext): Html {
  const { address, person, devices, form: state } = model
  const question =
    devices > 0 &&
    choiceField(
      {
        name: 'devices',
        legend: m.people.theirDevices(devices),
        look: 'stack',
        value: 'disconnect',
        choices: [
          { value: 'disconnect', label: m.people.disconnectThem, about: m.people.disconnectThemAbout },
          { value: 'keep', label: m.people.keepThem, about: m.people.keepThemAbout },
        ],
      },
      state,
    )
  const fields = html`${consequences([
    { icon: icons.people, text: m.people.removeStops(address) },
    { icon: icons.check, text: m.people.removeKeeps },
  ])}${question}`
  const body = html`${head({ title: m.people.removeQuestion(person.name), sub: m.devices.fromMailbox(address) })}${form({ action: links.removeUser(address, person.login), state, look: 'card pad', fields, acts: [submit([icons.cross, m.words.remove], 'danger'), cancel(links.mailboxUsers(address), m.people.keepThemHere)] }, m)}`
  const above = crumbs([{ label: showAddress(address), href: links.mailboxUsers(address) }, { label: m.words.remove }], m)
  return appPage({ title: m.people.removeFrom, place: placeOf(model), width: 'slim', above, body }, m, page)
}
