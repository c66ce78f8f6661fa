/** Everyone who can sign in or carries the right to send; and adding one. */

import { showAddress, unicodeDomain } from '../../addresses.ts'
import { bdi, type Html, html } from '../../html.ts'
import { links, withQuery } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { cancel, choiceField, form, submit, textField } from '../parts/forms.ts'
import { filters, menuLine, menuLink, type Pages, pager, rowMenu, searchForm } from '../parts/lists.ts'
import { chip, face } from '../parts/names.ts'
import { emptyState } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'
import { when } from '../parts/times.ts'

export type PeopleFilter = 'all' | 'administrators' | 'managers' | 'no-sending' | 'no-second-step' | 'blocked'
const FILTERS: readonly PeopleFilter[] = ['all', 'administrators', 'managers', 'no-sending', 'no-second-step', 'blocked']

export interface PeopleModel {
  readonly query: string
  readonly filter: PeopleFilter
  readonly counts: Readonly<Record<PeopleFilter, number>>
  readonly people: readonly PersonRow[]
  readonly pages: Pages
  readonly mayAdd: boolean
}

export interface PersonRow {
  readonly login: string
  readonly name: string
  readonly administrator: boolean
  /** Domains that they manage. */
  readonly manages: readonly string[]
  readonly devices: number
  readonly maySend: boolean
  readonly blocked: boolean
  /** Has a start link that was not used yet. */
  readonly notStarted: boolean
  readonly signedInNow: boolean
  readonly lastSignInAt: number | null
  readonly may: { readonly newStart: boolean; readonly block: boolean; readonly remove: boolean }
}

export function peopleView(model: PeopleModel, m: Messages, page: PageContext): Html {
  const link = (filter: PeopleFilter) => withQuery(links.people, { q: model.query, show: filter === 'all' ? undefined : filter })
  const shown = FILTERS.filter(filter => filter === 'all' || filter === model.filter || model.counts[filter] > 0)
  const list =
    model.people.length === 0
      ? emptyState({ title: m.words.nothingFound, text: m.people.notFound })
      : html`<section class="card" aria-label="${m.people.title}"><ul class="rows ppl">${model.people.map(person => personRow(person, m, page))}</ul></section>`
  const body = html`${head({
    title: m.people.title,
    sub: m.people.sub,
    acts: model.mayAdd && html`<a class="btn primary" href="${links.addPerson}">${icons.plus}${m.people.add}</a>`,
  })}
${searchForm({ action: links.people, label: m.people.find, placeholder: m.people.findHint, query: model.query, keep: { show: model.filter === 'all' ? undefined : model.filter } }, m)}${filters(
  m.frame.show,
  shown.map(filter => ({ label: m.people.filters[filter](page.formats.number(model.counts[filter])), href: link(filter), current: filter === model.filter })),
)}
<div class="flow" data-results>${list}${pager(model.pages, m)}</div>`
  return appPage({ title: m.people.title, place: 'people', scripts: ['search.js'], body }, m, page)
}

function personRow(person: PersonRow, m: Messages, page: PageContext): Html {
  const chips = [
    person.administrator && chip(m.people.administrator, 'g', icons.shield),
    person.manages.length > 0 && chip(bdi(m.people.managesDomains(person.manages.map(unicodeDomain))), 'b'),
    person.blocked && chip(m.people.blocked, 'r', icons.power),
    !person.maySend && chip(m.people.mayNotSend, 'r', icons.send),
    person.notStarted && chip(m.people.notStarted, 'y', icons.clock),
    person.devices > 0 && chip(m.people.devices(person.devices)),
  ]
  const seen = () => {
    if (person.signedInNow) return m.words.now
    return person.lastSignInAt === null ? m.people.neverSignedIn : when(person.lastSignInAt, page)
  }
  const menu = rowMenu(m.devices.actionsFor(person.name), [
    menuLink(links.person(person.login), icons.eye, m.people.rightsAndDevices),
    person.may.newStart && menuLink(links.personNewStart(person.login), icons.again, m.people.newStart),
    (person.may.block || person.may.remove) && menuLine,
    person.may.block &&
      menuLink(
        person.blocked ? links.personUnblock(person.login) : links.personBlock(person.login),
        icons.power,
        person.blocked ? m.people.unblock : m.people.block,
        person.blocked ? undefined : 'red',
      ),
    person.may.remove && menuLink(links.personRemove(person.login), icons.bin, m.words.remove, 'red'),
  ])
  return html`<li>${face(person)}<div class="what"><a class="name" href="${links.person(person.login)}"><bdi>${person.name}</bdi></a><div class="meta">${showAddress(person.login)}</div></div><div class="mid"><div class="meta flat">${chips}</div></div><span class="small soft hide-s">${seen()}</span>${menu}</li>`
}

export interface AddPersonModel {
  /** Fields `login`, `name`, `email` (for the start link), `role` (`none`, `manager`, `administrator`), `domain`, `reach` (`copy`, `mail`). */
  readonly form: FormState<'login' | 'name' | 'role' | 'domain' | 'reach'>
  readonly mayMakeAdministrators: boolean
  readonly mayMakeManagers: boolean
  readonly mayMail: boolean
}

export function addPersonView(model: AddPersonModel, m: Messages, page: PageContext): Html {
  const state = model.form
  const roles = [
    { value: 'none', label: m.people.roleNone, about: m.people.roleNoneAbout },
    ...(model.mayMakeManagers ? [{ value: 'manager', label: m.people.roleManager, about: m.people.roleManagerAbout }] : []),
    ...(model.mayMakeAdministrators ? [{ value: 'administrator', label: m.people.administrator, about: m.people.administratorAbout }] : []),
  ]
  const fields = html`${textField({ name: 'login', label: m.people.login, required: true, maxLength: 254, literal: true, autocomplete: 'off', hint: m.people.loginHint, focus: true }, state)}${textField({ name: 'name', label: m.people.name, aside: m.people.nameAside, maxLength: 100, autocomplete: 'off' }, state)}${
    roles.length > 1 &&
    html`<div class="flow role-field">${choiceField({ name: 'role', legend: m.people.role, look: 'stack', value: 'none', choices: roles }, state)}<div class="only-manager">${textField({ name: 'domain', label: m.people.domains, aside: m.words.onePerLine, rows: 2, literal: true }, state)}</div></div>`
  }${
    model.mayMail &&
    choiceField(
      {
        name: 'reach',
        legend: m.people.startReach,
        look: 'stack',
        value: 'copy',
        choices: [
          { value: 'copy', label: m.invitations.copyLink, about: m.invitations.copyLinkAbout },
          { value: 'mail', label: m.people.mailStart, about: m.people.mailStartAbout },
        ],
      },
      state,
    )
  }`
  const body = html`${head({ title: m.people.add, sub: m.people.addAbout })}${form({ action: links.people, state, look: 'card pad', fields, acts: [submit(m.people.addButton), cancel(links.people, m.words.cancel)] }, m)}`
  return appPage(
    { title: m.people.add, place: 'people', width: 'slim', above: crumbs([{ label: m.people.title, href: links.people }, { label: m.people.add }], m), body },
    m,
    page,
  )
}
