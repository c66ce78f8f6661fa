/** A new start: whoever got the link chooses a password, then a second step. Also for the first sign-in of a person that was added. */

import { type Html, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { alonePage } from '../frame/layout.ts'
import { arches, icons } from '../icons.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { guards, problemOf, textField } from '../parts/forms.ts'
import { note } from '../parts/notes.ts'
import { newPasswordRules, strengthLine } from '../parts/strength.ts'

export interface WelcomeModel {
  readonly token: string
  readonly name: string
  readonly login: string
  /** `first`: was added just now; `again`: lost the way in. */
  readonly kind: 'first' | 'again'
  /** Password and again; fields `password`, `repeated`. */
  readonly form: FormState<'password' | 'repeated'>
  readonly minLength: number
  readonly validUntil: number
  /** The next page asks for an authenticator app or a passkey. */
  readonly secondStep: 'required' | 'optional'
}

export function welcomeView(model: WelcomeModel, m: Messages, page: PageContext): Html {
  const { form } = model
  const body = html`${arches}
<div class="centred"><h1 tabindex="-1">${m.welcome.heading(model.name)}</h1><p class="soft sub-line">${model.kind === 'first' ? m.welcome.first : m.welcome.again}</p></div>
<form class="card pad" method="post" action="${links.welcome(model.token)}" novalidate>${problemOf(form)}${guards(form)}<p class="line">${icons.shield}<span>${m.welcome.login(model.login)}</span></p><input type="hidden" name="login" value="${model.login}" autocomplete="username">${textField(
    {
      name: 'password',
      label: m.account.newPassword,
      type: 'password',
      autocomplete: 'new-password',
      required: true,
      maxLength: 1024,
      hint: newPasswordRules(model.minLength, m),
      focus: true,
    },
    form,
  )}${strengthLine('password', m, page)}${textField({ name: 'repeated', label: m.account.repeatPassword, type: 'password', autocomplete: 'new-password', required: true, maxLength: 1024 }, form)}<button class="btn primary wide">${m.words.continue}</button></form>
${model.secondStep === 'required' && note({ icon: icons.shield, text: m.welcome.secondStepNext })}
<p class="small muted centred">${m.welcome.validUntil(page.formats.moment(model.validUntil))}</p>`
  return alonePage({ title: m.welcome.title(model.name), scripts: ['strength.js'], body }, m, page)
}
