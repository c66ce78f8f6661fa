/** My account: signing in, where I am signed in, language and mail. */

import { showAddress, unicodeDomain } from '../../addresses.ts'
import { bdi, bold, type Html, type HtmlValue, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { LANGUAGE_NAMES, LANGUAGES } from '../../messages/languages.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { cancel, form, guards, postButton, problemOf, selectField, submit, switchField, textField } from '../parts/forms.ts'
import { menuLine, menuLink, menuPost, rowMenu } from '../parts/lists.ts'
import { chip, tile } from '../parts/names.ts'
import { note } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'
import { passkeyButton } from '../parts/passkeys.ts'
import { moment } from '../parts/times.ts'

export interface AccountModel {
  readonly name: string
  readonly login: string
  readonly administrator: boolean
  readonly manages: readonly string[]
  readonly passwordChangedAt: number | null
  /** Undefined: off. */
  readonly totp?: { readonly since: number; readonly codesLeft: number; readonly codes: number } | undefined
  readonly passkeys: readonly Passkey[]
  /** They need https. */
  readonly passkeysWork: boolean
  readonly sessions: readonly PortalSession[]
  readonly preferences: FormState<'language' | 'timeZone' | 'mailAdded' | 'mailNew'>
  readonly timeZone: string
  readonly timeZones: readonly string[]
  readonly mailAdded: boolean
  readonly mailNew: boolean
  /** Mail can be sent from here, and this person has an address. */
  readonly mailWorks: boolean
  /** For an administrator: the portal is reached without https. */
  readonly withoutHttps: boolean
  /** A second step must be set up before anything else. */
  readonly secondStepMissing: boolean
  readonly acts: FormState
}

export interface Passkey {
  readonly id: string
  readonly name: string
  readonly addedAt: number
  readonly usedAt: number | null
  /** Was used a moment ago on *Which one is this?* */
  readonly lit?: boolean | undefined
}

export interface PortalSession {
  readonly id: string
  /** Firefox on macOS */
  readonly browser: string
  readonly kind: 'laptop' | 'phone'
  readonly ip: string
  readonly since: number
  readonly seenAt: number
  readonly current: boolean
  readonly through: 'passkey' | 'password' | 'app' | 'recovery'
}

export function accountView(model: AccountModel, m: Messages, page: PageContext): Html {
  const role = model.administrator
    ? chip(m.people.administrator, 'g', icons.shield)
    : model.manages.length > 0 && chip(bdi(m.people.managesDomains(model.manages.map(unicodeDomain))), 'b')
  const body = html`${head({ title: m.account.title, sub: html`${bold(model.name)} · ${showAddress(model.login)} ${role}` })}
${model.withoutHttps && note({ tone: 'warn', icon: icons.warning, text: m.account.withoutHttps })}
${model.secondStepMissing && note({ tone: 'warn', icon: icons.shield, text: m.account.secondStepMissing })}
${signInCard(model, m, page)}
${sessionsCard(model, m, page)}
${preferencesCard(model, m, page)}`
  return appPage({ title: m.account.title, place: 'account', body }, m, page)
}

function signInCard(model: AccountModel, m: Messages, page: PageContext): Html {
  const { formats } = page
  const row = (icon: Html, title: string, about: HtmlValue, button: HtmlValue) =>
    html`<div>${tile(icon)}<div><b>${title}</b><p class="small muted">${about}</p></div>${button}</div>`
  const password = model.passwordChangedAt === null ? m.account.noPassword : m.account.changedOn(formats.longDay(model.passwordChangedAt))
  const totp = model.totp === undefined ? m.account.totpOff : m.account.totpOn(formats.longDay(model.totp.since), model.totp.codesLeft, model.totp.codes)
  const passkeys = model.passkeysWork ? m.account.passkeysAbout : m.account.passkeysNeedHttps
  return html`<section class="card"><header><h2>${m.account.signingIn}</h2></header><div class="pad swl tight-pad">${row(icons.lock, m.words.password, password, html`<a class="btn s" href="${links.accountPassword}">${m.words.change}</a>`)}${row(
    icons.phone,
    m.account.app,
    totp,
    html`<a class="btn s" href="${links.accountTotp}">${model.totp === undefined ? m.account.turnOn : m.account.manage}</a>`,
  )}${row(icons.passkey, m.account.passkeys, passkeys, model.passkeysWork && html`<a class="btn s" href="${links.accountPasskeys}">${icons.plus}${m.words.add}</a>`)}</div>${
    model.passkeys.length > 0 && html`<ul class="rows inv ruled">${model.passkeys.map(passkey => passkeyRow(passkey, model.acts, m, page))}</ul>`
  }</section>`
}

export function passkeyRow(passkey: Passkey, acts: FormState, m: Messages, page: PageContext): Html {
  return html`<li${passkey.lit === true && html` class="lit"`}><span class="face n" aria-hidden="true">${icons.passkey}</span><div class="what">${bold(passkey.name)}${passkey.lit === true && html` ${chip(m.passkeys.thisOne, 'g', icons.check)}`}<div class="meta">${m.passkeys.added(page.formats.day(passkey.addedAt))}</div></div><div class="mid small soft">${
    passkey.usedAt === null ? m.passkeys.neverUsed : html`${m.passkeys.used} ${moment(passkey.usedAt, page)}`
  }</div>${rowMenu(m.devices.actionsFor(passkey.name), [
    menuLink(links.accountPasskey(passkey.id), icons.pen, m.words.rename),
    menuLink(`${links.accountPasskeys}#which`, icons.eye, m.passkeys.which),
    menuLine,
    menuPost(links.accountPasskeyRemove(passkey.id), icons.bin, m.words.remove, 'red', guards(acts)),
  ])}</li>`
}

export function sessionsCard({ sessions, acts }: Pick<AccountModel, 'sessions' | 'acts'>, m: Messages, page: PageContext): Html {
  const others =
    sessions.some(({ current }) => !current) &&
    html`<span class="push">${postButton(links.accountSessionsEndOthers, acts, m.account.signOutElsewhere, 'btn s quiet red')}</span>`
  const row = (session: PortalSession) =>
    html`<li>${tile(session.kind === 'phone' ? icons.phone : icons.laptop, session.current ? undefined : 'off')}<div class="what">${bold(session.browser)} ${session.current && chip(m.account.thisOne, 'g')}<div class="meta"><span>${session.ip} · ${m.devices.since} ${moment(session.since, page)}</span></div></div><div class="mid small soft">${
      session.current ? m.account.through[session.through] : html`${m.account.lastSeen} ${moment(session.seenAt, page)}`
    }</div>${session.current ? html`<span></span>` : postButton(links.accountSessionEnd(session.id), acts, m.frame.signOut, 'btn s quiet red', m.account.signOutOf(session.browser))}</li>`
  return html`<section class="card"><header><h2>${m.account.whereSignedIn}</h2>${others}</header><ul class="rows inv">${sessions.map(row)}</ul></section>`
}

function preferencesCard(model: AccountModel, m: Messages, page: PageContext): Html {
  const state = model.preferences
  const language = selectField(
    {
      name: 'language',
      label: m.frame.language,
      options: LANGUAGES.map(value => ({ value, label: LANGUAGE_NAMES[value], lang: value })),
      value: page.language,
    },
    state,
  )
  const zone = selectField(
    {
      name: 'timeZone',
      label: m.account.timeZone,
      options: model.timeZones.map(value => ({ value, label: value.replaceAll('_', ' ') })),
      value: model.timeZone,
    },
    state,
  )
  const mail =
    model.mailWorks &&
    html`<div class="swl">${switchField({ name: 'mailAdded', label: m.account.mailAdded, on: model.mailAdded }, state)}${switchField({ name: 'mailNew', label: m.account.mailNew, on: model.mailNew }, state)}</div>`
  const acts = [submit(m.words.save), html`<a class="btn quiet" href="${links.accountTokens}">${icons.key}${m.tokens.title}</a>`]
  return html`<section class="card pad">${form({ action: links.accountPreferences, state, fields: html`<h2>${m.account.languageAndMail}</h2><div class="two">${language}${zone}</div>${mail}`, acts }, m)}</section>`
}

/** The page of sessions alone. */
export function sessionsView(model: Pick<AccountModel, 'sessions' | 'acts'>, m: Messages, page: PageContext): Html {
  const above = crumbs([{ label: m.account.title, href: links.account }, { label: m.account.whereSignedIn }], m)
  return appPage(
    {
      title: m.account.whereSignedIn,
      place: 'account',
      above,
      body: html`${head({ title: m.account.whereSignedIn, sub: m.account.sessionsAbout })}${sessionsCard(model, m, page)}`,
    },
    m,
    page,
  )
}

export interface PasskeysModel {
  readonly passkeys: readonly Passkey[]
  readonly passkeysWork: boolean
  readonly suggestedName: string
  readonly form: FormState<'name'>
}

export function passkeysView({ passkeys, passkeysWork, suggestedName, form: state }: PasskeysModel, m: Messages, page: PageContext): Html {
  const list =
    passkeys.length > 0 &&
    html`<section class="card" aria-label="${m.account.passkeys}"><ul class="rows inv">${passkeys.map(passkey => passkeyRow(passkey, state, m, page))}</ul></section>`
  const add = html`<section class="card pad flow"><h2>${m.passkeys.addTitle}</h2><p class="soft">${m.passkeys.addAbout}</p>${textField({ name: 'name', label: m.passkeys.name, value: suggestedName, maxLength: 100, hint: m.passkeys.nameHint, autocomplete: 'off' }, state)}${passkeyButton(
    { options: links.accountPasskeyOptions, answer: links.accountPasskeys, label: m.passkeys.add, act: 'register', nameField: 'name', look: 'btn primary' },
    m,
    page,
  )}</section>`
  const which =
    passkeys.length > 0 &&
    html`<section class="card pad flow" id="which"><h2>${m.passkeys.which}</h2><p class="soft">${m.passkeys.whichAbout}</p>${passkeyButton({ options: links.accountPasskeyTest, answer: links.accountPasskeyTest, label: m.passkeys.useOne, look: 'btn' }, m, page)}</section>`
  const body = html`${head({ title: m.account.passkeys, sub: m.account.passkeysAbout })}${problemOf(state)}${list}${passkeysWork ? [add, which] : note({ tone: 'warn', icon: icons.warning, text: m.account.passkeysNeedHttps })}`
  return appPage(
    {
      title: m.account.passkeys,
      place: 'account',
      width: 'slim',
      scripts: ['passkeys.js'],
      above: crumbs([{ label: m.account.title, href: links.account }, { label: m.account.passkeys }], m),
      body,
    },
    m,
    page,
  )
}

export interface RenamePasskeyModel {
  readonly id: string
  readonly name: string
  readonly form: FormState<'name'>
}

export function renamePasskeyView({ id, name, form: state }: RenamePasskeyModel, m: Messages, page: PageContext): Html {
  const fields = textField(
    { name: 'name', label: m.passkeys.name, value: name, required: true, maxLength: 100, hint: m.passkeys.nameHint, autocomplete: 'off', focus: true },
    state,
  )
  const body = html`${head({ title: m.passkeys.renameTitle })}${form({ action: links.accountPasskey(id), state, look: 'card pad', fields, acts: [submit(m.words.rename), cancel(links.accountPasskeys, m.words.cancel)] }, m)}`
  return appPage(
    {
      title: m.passkeys.renameTitle,
      place: 'account',
      width: 'slim',
      above: crumbs(
        [{ label: m.account.title, href: links.account }, { label: m.account.passkeys, href: links.accountPasskeys }, { label: html`<bdi>${name}</bdi>` }],
        m,
      ),
      body,
    },
    m,
    page,
  )
}
