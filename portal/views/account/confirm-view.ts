/** Who you are, once more, before passwords, rights and people change. The form that waits travels along, sealed. */

import { showAddress } from '../../addresses.ts'
import { bold, type Html, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import type { FormState, PageContext, Place } from '../page-context.ts'
import { guards, problemOf, textField } from '../parts/forms.ts'
import { face } from '../parts/names.ts'
import { type Crumb, crumbs, head, passwordSteps } from '../parts/page-head.ts'
import { passkeyButton } from '../parts/passkeys.ts'

export interface ConfirmModel {
  readonly person: { readonly name: string; readonly login: string }
  /** Field `password`. */
  readonly form: FormState<'password'>
  /** The request that waits: sealed, no secret in it. Hidden field `waiting`. */
  readonly waiting: string
  readonly passkey: boolean
  /** They have a password (some have a passkey only). */
  readonly password: boolean
  /** `password`: a password is made next, the page is the second of three steps. */
  readonly before: 'password' | 'rights'
  readonly back: string
  /** Where the form came from. */
  readonly crumbs: readonly { readonly label: string; readonly href?: string | undefined }[]
  readonly place: Place
}

export function confirmView(model: ConfirmModel, m: Messages, page: PageContext): Html {
  const { person, form: state } = model
  const passkey = model.passkey && passkeyButton({ options: links.confirmPasskeyOptions, answer: links.confirmPasskey, label: m.confirm.withPasskey }, m, page)
  const password =
    model.password &&
    html`${model.passkey && html`<div class="or">${m.words.or}</div>`}${textField({ name: 'password', label: m.confirm.password, type: 'password', autocomplete: 'current-password', required: true, maxLength: 1024, hint: m.confirm.passwordHint, focus: !model.passkey }, state)}<div class="acts"><button class="btn primary">${m.confirm.button}</button><a class="btn quiet" href="${model.back}">${m.words.back}</a></div>`
  const where: Crumb[] = model.crumbs.map(({ label, href }) => ({ label: label.includes('@') ? showAddress(label) : html`<bdi>${label}</bdi>`, href }))
  const body = html`${head({ title: m.confirm.title, sub: model.before === 'password' ? m.confirm.beforePassword : m.confirm.beforeRights })}${model.before === 'password' && passwordSteps(2, m)}
<form class="card pad" method="post" action="${links.confirm}" novalidate data-confirm>${problemOf(state)}${guards(state)}<input type="hidden" name="waiting" value="${model.waiting}"><input type="hidden" name="before" value="${model.before}"><p class="line">${face(person)}<span>${bold(person.name)}<br><span class="small muted">${showAddress(person.login)}</span></span></p>${passkey}${password}</form><p class="small muted">${m.confirm.fiveMinutes}</p>`
  return appPage(
    {
      title: m.confirm.title,
      place: model.place,
      width: 'slim',
      scripts: model.passkey ? ['passkeys.js'] : [],
      above: where.length > 0 && crumbs(where, m),
      body,
    },
    m,
    page,
  )
}
