/** Password and authenticator app of the account. */

import { type Html, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { type QrPath, qrCode } from '../devices/app-setup.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { cancel, errorLine, form, guards, problemOf, submit, textField } from '../parts/forms.ts'
import { consequences, note } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'
import { strengthLine } from '../parts/strength.ts'

const accountCrumbs = (here: string, m: Messages): Html => crumbs([{ label: m.account.title, href: links.account }, { label: here }], m)

export interface AccountPasswordModel {
  /** Fields `current` (only where the session is not confirmed), `password`, `repeated`. */
  readonly form: FormState<'password' | 'repeated'>
  readonly login: string
  readonly minLength: number
  readonly otherSessions: number
}

export function accountPasswordView({ form: state, login, minLength, otherSessions }: AccountPasswordModel, m: Messages, page: PageContext): Html {
  const fields = html`<input type="hidden" name="login" value="${login}" autocomplete="username">${textField({ name: 'password', label: m.account.newPassword, type: 'password', autocomplete: 'new-password', required: true, maxLength: 1024, hint: m.account.passwordRules(minLength), focus: true }, state)}${strengthLine('password', m, page)}${textField({ name: 'repeated', label: m.account.repeatPassword, type: 'password', autocomplete: 'new-password', required: true, maxLength: 1024 }, state)}${consequences(
    [
      { icon: icons.power, text: m.account.otherSessionsEnd(otherSessions) },
      { icon: icons.check, text: m.account.devicesStay },
    ],
  )}`
  const body = html`${head({ title: m.account.changePassword, sub: m.account.changePasswordAbout })}${form({ action: links.accountPassword, state, look: 'card pad', fields, acts: [submit(m.account.changePassword), cancel(links.account, m.words.cancel)] }, m)}`
  return appPage(
    {
      title: m.account.changePassword,
      place: 'account',
      width: 'slim',
      scripts: ['password.js', 'strength.js'],
      above: accountCrumbs(m.words.password, m),
      body,
    },
    m,
    page,
  )
}

export interface TotpSetupModel {
  readonly qr: QrPath
  /** Base32, as in the square. */
  readonly key: string
  readonly recoveryCodes: readonly string[]
  /** Fields `code`, `kept` (`on`); the seed itself lies sealed in the store until then. */
  readonly form: FormState<'code' | 'kept'>
}

/** Turning it on: square, first code, recovery codes. */
export function totpSetupView({ qr, key, recoveryCodes, form: state }: TotpSetupModel, m: Messages, page: PageContext): Html {
  const error = state.errors?.code
  const keptError = state.errors?.kept
  const body = html`${head({ title: m.totp.title, sub: m.totp.sub })}<form class="card pad" method="post" action="${links.accountTotp}" novalidate>${problemOf(state)}${guards(state)}<div class="split">${qrCode(qr, m.totp.qr)}<ol class="how"><li>${m.totp.scan}<p class="small muted">${m.totp.cannotScan}<br><code data-secret>${key.match(/.{1,4}/g)?.join(' ')}</code></p></li><li><label class="strong" for="code">${m.totp.typeDigits}</label><input id="code" name="code" class="code short" inputmode="numeric" autocomplete="one-time-code" maxlength="7" required${error !== undefined && html` aria-invalid="true" aria-describedby="code-error" autofocus`}>${error !== undefined && errorLine('code', error)}</li></ol></div>${recoveryList(recoveryCodes, m)}<div><label class="check"><input type="checkbox" name="kept" value="on"${state.values?.kept === 'on' && html` checked`}${keptError !== undefined && html` aria-invalid="true" aria-describedby="kept-error"`}><span>${m.totp.kept}</span></label>${keptError !== undefined && errorLine('kept', keptError)}</div><div class="acts"><button class="btn primary">${m.account.turnOn}</button><button class="btn" type="button" data-copy="recovery-codes" data-copied="${m.words.copied}" data-press="${m.words.pressCopy}" hidden>${icons.copy}${m.totp.copyCodes}</button><a class="btn quiet" href="${links.account}">${m.words.cancel}</a></div><p class="vh" role="status" id="copy-said"></p></form>`
  return appPage({ title: m.totp.title, place: 'account', width: 'slim', scripts: ['password.js'], above: accountCrumbs(m.account.app, m), body }, m, page)
}

const recoveryList = (codes: readonly string[], m: Messages): Html =>
  html`<div><h2>${m.totp.keepCodes}</h2><p class="small soft codes-about">${m.totp.keepCodesAbout}</p><div class="codes" id="recovery-codes" data-secret>${codes.map(code => html`<span>${code}</span> `)}</div></div>`

export interface TotpModel {
  readonly since: number
  readonly codesLeft: number
  readonly codes: number
  /** Policy: this person may not be without a second step, and has no passkey. */
  readonly mayTurnOff: boolean
  readonly form: FormState
}

/** It is on: new recovery codes, another phone, off. */
export function totpView({ since, codesLeft, codes, mayTurnOff, form: state }: TotpModel, m: Messages, page: PageContext): Html {
  const off = mayTurnOff
    ? html`<form method="post" class="inline" action="${links.accountTotpOff}">${guards(state)}<button class="btn s quiet red">${m.totp.turnOff}</button></form>`
    : html`<span class="small muted">${m.totp.mustStay}</span>`
  const body = html`${head({ title: m.account.app, sub: m.account.totpOn(page.formats.longDay(since), codesLeft, codes) })}${problemOf(state)}<section class="card pad"><div class="swl"><div><div><b>${m.totp.newCodes}</b><p class="small muted">${m.totp.newCodesAbout}</p></div><form method="post" class="inline" action="${links.accountRecoveryCodes}">${guards(state)}<button class="btn s">${m.totp.makeCodes}</button></form></div><div><div><b>${m.totp.anotherPhone}</b><p class="small muted">${m.totp.anotherPhoneAbout}</p></div><a class="btn s" href="${links.accountTotp}?again=1">${m.totp.setUpAgain}</a></div><div><div><b>${m.totp.turnOff}</b><p class="small muted">${m.totp.turnOffAbout}</p></div>${off}</div></div></section>${codesLeft <= 2 && note({ tone: 'warn', icon: icons.warning, text: m.totp.fewLeft(codesLeft) })}`
  return appPage({ title: m.account.app, place: 'account', width: 'slim', above: accountCrumbs(m.account.app, m), body }, m, page)
}

export interface RecoveryCodesModel {
  readonly codes: readonly string[]
}

/** New ones, shown once. */
export function recoveryCodesView({ codes }: RecoveryCodesModel, m: Messages, page: PageContext): Html {
  const body = html`${head({ title: m.totp.codesTitle, sub: m.totp.codesSub })}<section class="card pad flow">${recoveryList(codes, m)}<div class="acts"><a class="btn primary" href="${links.account}">${m.totp.codesKept}</a><button class="btn" type="button" data-copy="recovery-codes" data-copied="${m.words.copied}" data-press="${m.words.pressCopy}" hidden>${icons.copy}${m.totp.copyCodes}</button></div><p class="vh" role="status" id="copy-said"></p></section>`
  return appPage(
    { title: m.totp.codesTitle, place: 'account', width: 'slim', scripts: ['password.js'], isOnce: true, above: accountCrumbs(m.totp.codesTitle, m), body },
    m,
    page,
  )
}
