/**
 * The page on which a password is shown, once: the luggage label, the set-up of the app, and the wait for its first connection.
 *
 * `password.js` empties everything with `data-secret` on `pagehide`, so that the page holds nothing when the browser brings it back.
 */

import { showAddress } from '../../addresses.ts'
import { type Html, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { alonePage, appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import { placeOf } from '../mailboxes/mailbox-head.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { errorLine, guards, problemOf } from '../parts/forms.ts'
import { note } from '../parts/notes.ts'
import { crumbs, head, passwordSteps } from '../parts/page-head.ts'
import { strengthLine } from '../parts/strength.ts'
import { appSetup, type SetupModel } from './app-setup.ts'
import type { DeviceScope } from './device-list-view.ts'

export interface PasswordModel {
  readonly address: string
  readonly domain?: string | undefined
  readonly device: { readonly id: string; readonly name: string; readonly scope: DeviceScope }
  /** `new`: the last of three steps; `changed`: the password of a device that is there already. */
  readonly course: 'new' | 'changed'
  readonly password: string
  /** Groups between dashes; one's own is shown as it is. */
  readonly generated: boolean
  /** Policy lets people choose their own. */
  readonly mayChooseOwn: boolean
  /** For *Another one*: a change of this device's password. */
  readonly again: FormState
  readonly setup: SetupModel
  /** It connected already. */
  readonly first?: { readonly app: string | null; readonly ip: string; readonly at: number } | undefined
}

export function passwordView(model: PasswordModel, m: Messages, page: PageContext): Html {
  const { address, device } = model
  const title = model.course === 'new' ? m.password.title : m.password.changedTitle
  const more = html`<button class="btn s" form="again">${icons.again}${m.password.another}</button>${
    model.mayChooseOwn && html`<a class="btn s quiet" href="${links.deviceOwnPassword(address, device.id)}">${icons.pen}${m.password.chooseOwn}</a>`
  }`
  const body = html`${head({ title, sub: m.password.for(device.name, address) })}${model.course === 'new' && passwordSteps(3, m)}
${model.first !== undefined && connectedNote(device.name, model.first, m, page)}
${passwordTag(m.password.label, model.password, model.generated, more, m)}
<form method="post" action="${links.devicePassword(address, device.id)}" id="again" hidden>${guards(model.again)}<input type="hidden" name="way" value="generated"></form>
${appSetup(model.setup, m)}
<div class="acts"><a class="btn primary" href="${links.devices(address)}">${icons.check}${model.first === undefined ? m.password.saved : m.words.done}</a>${model.first === undefined && waiting(address, device.id, m)}</div>`
  const above = crumbs([{ label: showAddress(address), href: links.devices(address) }, { label: html`<bdi>${device.name}</bdi>` }], m)
  return appPage({ title, place: placeOf(model), width: 'slim', scripts: ['password.js', 'first-connection.js'], isOnce: true, above, body }, m, page)
}

function connectedNote(name: string, first: NonNullable<PasswordModel['first']>, m: Messages, page: PageContext): Html {
  return note({ tone: 'ok', icon: icons.check, text: m.password.connected(name, first.app, first.ip, page.formats.ago(first.at)), role: 'status' })
}

/** The yellow label with the password on it. `more`: further buttons beside Copy. */
export function passwordTag(label: string, password: string, generated: boolean, more: Html | false, m: Messages): Html {
  const groups = generated ? password.split('-') : [password]
  const shown = groups.map((group, at) => [at > 0 && html`<i>-</i><wbr>`, html`<span>${group}</span>`])
  return html`<section class="tag" aria-labelledby="pw-label"><p class="lab" id="pw-label">${label}</p><output class="pw ${!generated && 'own'}" id="pw" aria-labelledby="pw-label" data-secret>${shown}</output><div class="acts keep"><button class="btn primary s" type="button" data-copy="pw" data-copied="${m.words.copied}" data-press="${m.words.pressCopy}" hidden>${icons.copy}${m.words.copy}</button>${more}</div><p class="vh" role="status" id="copy-said"></p><p class="once">${icons.warning}<span>${m.password.once}</span></p></section>`
}

/** Says that it waits, and what happened; a link to the device for whoever has no script. */
export const waiting = (address: string, device: string, m: Messages): Html =>
  waitingLine(
    'small muted waiting',
    links.deviceFirst(address, device),
    m.password.waiting,
    html`<noscript>${m.password.look(links.device(address, device))}</noscript>`,
  )

/** `first-connection.js` makes a note of it; the icon waits in it. */
export const waitingLine = (look: string, first: string, text: string, otherwise: Html | false): Html =>
  html`<div class="${look}" role="status" data-first="${first}"><span data-waiting hidden>${text}</span>${otherwise}<span hidden>${icons.check}</span></div>`

export interface OwnPasswordModel {
  readonly address: string
  readonly domain?: string | undefined
  readonly device: { readonly id: string; readonly name: string }
  readonly course: 'new' | 'changed'
  /** Field `password`; what was typed comes back, since it is shown anyway and nothing was set. */
  readonly form: FormState<'password'>
  /** Of what came back; undefined: nothing was typed yet. */
  readonly rules?: OwnPasswordRules | undefined
}

/** Which rules it keeps. */
export interface OwnPasswordRules {
  readonly long: boolean
  readonly typable: boolean
  readonly notTheName: boolean
  readonly notCommon: boolean
  /** A character that would not work everywhere. */
  readonly foreign?: string | undefined
}

export function ownPasswordView(model: OwnPasswordModel, m: Messages, page: PageContext): Html {
  const { address, device, form, rules } = model
  const error = form.errors?.password
  const rule = (kept: boolean | undefined, text: string, name: string) =>
    html`<li data-rule="${name}"${kept !== undefined && html` class="${kept ? 'ok' : 'no'}"`}><span class="kept">${icons.check}</span><span class="broken">${icons.cross}</span><span class="open">${icons.info}</span><span>${text}</span>${kept !== undefined && html`<span class="vh">: ${kept ? m.password.kept : m.password.broken}</span>`}</li>`
  const typable = rules?.foreign === undefined ? m.password.ruleTypable : m.password.ruleTypableNot(rules.foreign)
  const body = html`${head({ title: m.password.ownTitle, sub: m.password.for(device.name, address) })}${model.course === 'new' && passwordSteps(3, m)}
<form method="post" action="${links.devicePassword(address, device.id)}" novalidate>${problemOf(form)}${guards(form)}<input type="hidden" name="way" value="own"><section class="tag"><label class="lab" for="password">${m.password.own}</label><input id="password" class="pw-in" type="text" name="password" autocomplete="off" autocapitalize="none" spellcheck="false" minlength="16" maxlength="128" required value="${form.values?.password ?? ''}" aria-describedby="password-rules${error !== undefined && ' password-error'}"${error !== undefined && html` aria-invalid="true"`} autofocus data-secret>${strengthLine('password', m, page)}${error !== undefined && errorLine('password', error)}</section>
<ul class="rules" id="password-rules" data-rules="password">${rule(rules?.long, m.password.ruleLong, 'long')}${rule(rules?.typable, typable, 'typable')}${rule(rules?.notTheName, m.password.ruleName, 'name')}${rule(rules?.notCommon, m.password.ruleCommon, 'common')}</ul>
${note({ text: m.password.ownNote })}
<div class="acts"><button class="btn primary">${m.password.use}</button><a class="btn quiet" href="${model.course === 'new' ? links.deviceShown(address, device.id) : links.device(address, device.id)}">${model.course === 'new' ? m.password.backToGenerated : m.words.cancel}</a></div></form>`
  const above = crumbs([{ label: showAddress(address), href: links.devices(address) }, { label: html`<bdi>${device.name}</bdi>` }], m)
  return appPage({ title: m.password.ownTitle, place: placeOf(model), width: 'slim', scripts: ['password.js', 'strength.js'], above, body }, m, page)
}

export interface PasswordGoneModel {
  readonly address: string
  readonly device: { readonly id: string; readonly name: string }
}

/** Reload, Back, or too late: it was shown once. */
export function passwordGoneView({ address, device }: PasswordGoneModel, m: Messages, page: PageContext): Html {
  const body = html`<section class="card pad flow centred-card"><span class="tile y">${icons.eye}</span><h1 tabindex="-1">${m.password.goneTitle}</h1><p class="soft">${m.password.gone(device.name)}</p><div class="acts centred-acts"><a class="btn primary" href="${links.devicePassword(address, device.id)}">${m.password.makeNew}</a><a class="btn quiet" href="${links.devices(address)}">${m.devices.backToDevices}</a></div></section>`
  return alonePage({ title: m.password.goneTitle, body }, m, page)
}
