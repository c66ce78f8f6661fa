/** Adding a mailbox that exists on the server: tried there first, and nothing is saved when it fails. */

import { unicodeDomain } from '../../addresses.ts'
import { type Html, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { cancel, form, selectField, submit, textField } from '../parts/forms.ts'
import { note } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'

/** `secret` never comes back. */
export type AddMailboxFields = 'address' | 'note' | 'server' | 'login' | 'secret'

export interface AddMailboxModel {
  readonly domain: string
  /** It has a page of its own: it is named somewhere, or has a mailbox already. */
  readonly isService: boolean
  /** The server's answer stands at `secret`: `messages.problems.serverRefused(…)`. */
  readonly form: FormState<AddMailboxFields>
  readonly servers: readonly string[]
  /** Managers log in with the same address: no other login, no other server. */
  readonly mayChooseLogin: boolean
  /** The server lets the gateway in with a master password. */
  readonly needsSecret: boolean
}

export function addMailboxView(
  { domain, isService, form: state, servers, mayChooseLogin, needsSecret }: AddMailboxModel,
  m: Messages,
  page: PageContext,
): Html {
  const name = unicodeDomain(domain)
  const back = isService ? links.service(domain) : links.services
  const options = servers.map(server => ({ value: server, label: server }))
  const upstream = mayChooseLogin
    ? html`<div class="two">${selectField({ name: 'server', label: m.mailbox.server, options, value: servers[0] }, state)}${textField({ name: 'login', label: m.mailbox.loginThere, aside: m.mailbox.loginEmpty, maxLength: 254, literal: true, autocomplete: 'off' }, state)}</div>`
    : servers.length > 1 && selectField({ name: 'server', label: m.mailbox.server, options, value: servers[0] }, state)
  const fields = html`${textField({ name: 'address', label: m.mailbox.address, value: `@${name}`, required: true, maxLength: 254, literal: true, inputMode: 'email', autocomplete: 'off', focus: true }, state)}${textField({ name: 'note', label: m.mailbox.note, aside: m.mailbox.noteAside, placeholder: m.mailbox.noteExample, maxLength: 200, autocomplete: 'off' }, state)}${upstream}${
    needsSecret &&
    textField(
      {
        name: 'secret',
        label: m.mailbox.passwordThere,
        type: 'password',
        autocomplete: 'new-password',
        required: true,
        maxLength: 1024,
        hint: m.mailbox.keptSealed,
      },
      state,
    )
  }`
  const body = html`${head({ title: m.mailboxes.add, sub: m.mailbox.addAbout })}${form({ action: links.addMailbox(domain), state, look: 'card pad', fields, acts: [submit(m.mailbox.tryAndAdd), cancel(back, m.words.cancel)] }, m)}${note({ text: m.mailbox.nobodyIn })}`
  const above = crumbs(
    [{ label: m.services.title, href: links.services }, { label: html`<bdi>${name}</bdi>`, ...(isService && { href: back }) }, { label: m.mailboxes.add }],
    m,
  )
  return appPage({ title: m.mailboxes.add, place: 'services', width: 'slim', above, body }, m, page)
}
