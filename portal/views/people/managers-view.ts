/** Who manages which mail service. */

import { showAddress, unicodeDomain } from '../../addresses.ts'
import { type Html, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { form, guards, selectField, submit } from '../parts/forms.ts'
import { face } from '../parts/names.ts'
import { emptyState } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'

export interface ManagersModel {
  readonly managers: readonly { readonly login: string; readonly name: string; readonly domains: readonly string[] }[]
  /** Those that could manage something. */
  readonly people: readonly { readonly login: string; readonly name: string }[]
  readonly domains: readonly string[]
  /** Fields `login`, `domain`, and `act`: `add` or `remove`. */
  readonly form: FormState<'login' | 'domain'>
}

export function managersView({ managers, people, domains, form: state }: ManagersModel, m: Messages, page: PageContext): Html {
  const remove = (login: string, name: string, domain: string) =>
    html`<form method="post" class="inline" action="${links.managers}">${guards(state)}<input type="hidden" name="act" value="remove"><input type="hidden" name="login" value="${login}"><input type="hidden" name="domain" value="${domain}"><button class="chip b chip-button" aria-label="${m.managers.takeAway(name, unicodeDomain(domain))}">${showAddress(domain)}${icons.cross}</button></form>`
  const row = ({ login, name, domains: own }: ManagersModel['managers'][number]) =>
    html`<li>${face({ login, name })}<div class="what"><a class="name" href="${links.person(login)}"><bdi>${name}</bdi></a><div class="meta">${showAddress(login)}</div></div><div class="mid"><div class="meta flat">${own.map(domain => remove(login, name, domain))}</div></div><span></span></li>`
  const fields = html`<h2>${m.managers.addTitle}</h2><input type="hidden" name="act" value="add"><div class="two">${selectField({ name: 'login', label: m.managers.person, options: people.map(({ login, name }) => ({ value: login, label: name === login ? login : `${name}, ${login}` })) }, state)}${selectField({ name: 'domain', label: m.managers.domain, options: domains.map(domain => ({ value: domain, label: unicodeDomain(domain) })) }, state)}</div>`
  const body = html`${head({ title: m.services.managers, sub: m.managers.sub })}
${managers.length === 0 ? emptyState({ title: m.managers.noneTitle, text: m.managers.none }) : html`<section class="card" aria-label="${m.services.managers}"><ul class="rows inv">${managers.map(row)}</ul></section>`}
${people.length > 0 && html`<section class="card pad">${form({ action: links.managers, state, fields, acts: submit(m.managers.add) }, m)}</section>`}`
  return appPage(
    {
      title: m.services.managers,
      place: 'services',
      above: crumbs([{ label: m.services.title, href: links.services }, { label: m.services.managers }], m),
      body,
    },
    m,
    page,
  )
}
