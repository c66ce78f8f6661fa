/** Signing in: name and password, or a passkey. */

import { type Html, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { alonePage } from '../frame/layout.ts'
import { arches } from '../icons.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { guards, problemOf, textField } from '../parts/forms.ts'
import { passkeyButton } from '../parts/passkeys.ts'

export interface SignInModel {
  /** Fields `login`, `password`; `problem` when they do not fit together. */
  readonly form: FormState<'login' | 'password'>
  /** They need https (or localhost). */
  readonly passkeys: boolean
  /** Where to go afterwards: a path of ours. */
  readonly to?: string | undefined
  /** What was typed before the session was over, sealed; comes back after signing in. */
  readonly kept?: string | undefined
}

export function signInView({ form, passkeys, to, kept }: SignInModel, m: Messages, page: PageContext): Html {
  const carried = [
    to !== undefined && html`<input type="hidden" name="to" value="${to}">`,
    kept !== undefined && html`<input type="hidden" name="kept" value="${kept}">`,
  ]
  const body = html`${arches}
<div class="centred"><h1 tabindex="-1">${m.signIn.title}</h1><p class="soft sub-line">${m.signIn.sub}</p></div>
<form class="card pad" method="post" action="${links.signIn}" novalidate>${problemOf(form)}${guards(form)}${carried}${textField(
    { name: 'login', label: m.signIn.login, autocomplete: 'username webauthn', literal: true, required: true, maxLength: 254, focus: true },
    form,
  )}${textField({ name: 'password', label: m.words.password, type: 'password', autocomplete: 'current-password', required: true, maxLength: 1024, hint: m.signIn.passwordHint }, form)}<button class="btn primary wide">${m.signIn.button}</button>${
    passkeys &&
    passkeyButton(
      { options: links.signInPasskeyOptions, answer: links.signInPasskey, label: m.signIn.withPasskey, or: m.words.or, conditional: 'login' },
      m,
      page,
    )
  }</form>
<p class="small muted centred">${m.signIn.lost}</p>`
  return alonePage({ title: m.signIn.title, scripts: passkeys ? ['passkeys.js'] : [], body }, m, page)
}

export interface SecondStepModel {
  /** Field `code`, of six digits or a recovery code. */
  readonly form: FormState<'code'>
  /** As it was typed. */
  readonly login: string
  readonly with: 'app' | 'recovery'
  /** They have one, and it works here. */
  readonly passkeys: boolean
  /** They have recovery codes left. */
  readonly recovery: boolean
  readonly to?: string | undefined
  readonly kept?: string | undefined
}

export function secondStepView(model: SecondStepModel, m: Messages, page: PageContext): Html {
  const { form, login, passkeys, recovery, to, kept } = model
  const app = model.with === 'app'
  const field = app
    ? textField(
        {
          name: 'code',
          label: m.signIn.code,
          look: 'code',
          inputMode: 'numeric',
          autocomplete: 'one-time-code',
          maxLength: 7,
          placeholder: '······',
          required: true,
          hint: m.signIn.codeHint,
          focus: true,
        },
        form,
      )
    : textField(
        {
          name: 'code',
          label: m.signIn.recoveryCode,
          autocomplete: 'off',
          literal: true,
          maxLength: 20,
          required: true,
          hint: m.signIn.recoveryHint,
          focus: true,
        },
        form,
      )
  const carried = [
    to !== undefined && html`<input type="hidden" name="to" value="${to}">`,
    kept !== undefined && html`<input type="hidden" name="kept" value="${kept}">`,
  ]
  const other = app
    ? recovery && html`<a class="btn quiet wide" href="${links.signInRecovery}">${m.signIn.useRecovery}</a>`
    : html`<a class="btn quiet wide" href="${links.signInSecond}">${m.signIn.useApp}</a>`
  const body = html`<div class="centred"><h1 tabindex="-1">${m.signIn.secondTitle}</h1><p class="soft sub-line">${m.signIn.signingInAs(login)}</p></div>
<form class="card pad" method="post" action="${links.signInSecond}" novalidate>${problemOf(form)}${guards(form)}${carried}<input type="hidden" name="with" value="${model.with}">${field}<button class="btn primary wide">${m.words.continue}</button>${
    passkeys &&
    passkeyButton({ options: links.signInSecondPasskeyOptions, answer: links.signInSecondPasskey, label: m.signIn.usePasskey, or: m.words.or }, m, page)
  }${other}</form><p class="small centred"><a href="${links.signIn}">${m.signIn.someoneElse}</a></p>`
  return alonePage({ title: m.signIn.secondTitle, scripts: passkeys ? ['passkeys.js'] : [], body }, m, page)
}
