/** Settings of a mailbox: note and aliases, login at the server, sending, and the ways to leave. Each part is a form of its own. */

import { showAddress, unicodeAddress } from '../../addresses.ts'
import { type Html, type HtmlValue, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { cancel, form, postButton, selectField, submit, switchField, textField } from '../parts/forms.ts'
import { consequences, note } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'
import { type MailboxHead, mailboxCrumbs, mailboxHead, placeOf } from './mailbox-head.ts'

export interface MailboxSettingsModel {
  readonly mailbox: MailboxHead
  readonly server: string
  /** Parts that are undefined are not the reader's to see. */
  readonly addresses?: { readonly form: FormState<'aliases' | 'note'>; readonly aliases: readonly string[]; readonly mayChangeAliases: boolean } | undefined
  readonly login?: LoginSettings | undefined
  readonly sending?: SendingSettings | undefined
  readonly mayPause: boolean
  readonly mayDisconnectAll: boolean
  readonly mayRemove: boolean
  /** For the buttons that pause and resume. */
  readonly acts: FormState
}

export interface LoginSettings {
  readonly form: FormState<'server' | 'login' | 'secret'>
  readonly servers: readonly string[]
  readonly login: string
  readonly mayChooseLogin: boolean
  /** A secret is stored (it is never shown). */
  readonly stored: boolean
  readonly tried?: { readonly at: number; readonly ok: boolean; readonly answer?: string | undefined } | undefined
}

export interface SendingSettings {
  readonly form: FormState<'allowed' | 'perDay' | 'perMessage'>
  readonly allowed: boolean
  /** null: no limit. */
  readonly perDay: number | null
  readonly perMessage: number | null
  /** May only lower them. */
  readonly onlyNarrow: boolean
  /** What the domain allows; null: no limit. */
  readonly most: { readonly perDay: number | null; readonly perMessage: number | null }
}

export function mailboxSettingsView(model: MailboxSettingsModel, m: Messages, page: PageContext): Html {
  const { mailbox } = model
  const body = html`${mailboxHead(mailbox, 'settings', m, page)}
${addressesCard(model, m)}
${loginCard(model, m, page)}
${sendingCard(model, m, page)}
${leaveCard(model, m)}`
  return appPage(
    { title: m.mailbox.pageTitle(m.mailbox.tabs.settings, mailbox.address), place: placeOf(mailbox), above: mailboxCrumbs(mailbox, [], m), body },
    m,
    page,
  )
}

function addressesCard({ mailbox, addresses }: MailboxSettingsModel, m: Messages): HtmlValue {
  if (addresses === undefined) return undefined
  const state = addresses.form
  const aliases = addresses.mayChangeAliases
    ? textField(
        {
          name: 'aliases',
          label: m.mailbox.aliasesLabel,
          aside: m.mailbox.aliasesAside,
          rows: Math.min(8, Math.max(2, addresses.aliases.length)),
          value: addresses.aliases.map(unicodeAddress).join('\n'),
          literal: true,
        },
        state,
      )
    : addresses.aliases.length > 0 && html`<p><b>${m.mailbox.aliasesLabel}</b><br>${addresses.aliases.map(alias => html`${showAddress(alias)}<br>`)}</p>`
  const fields = html`<h2>${m.mailbox.addresses}</h2>${aliases}${textField({ name: 'note', label: m.mailbox.note, aside: m.mailbox.noteAside, value: mailbox.note, maxLength: 200 }, state)}`
  return html`<section class="card pad">${form({ action: links.mailboxAddresses(mailbox.address), state, fields, acts: submit(m.words.save) }, m)}</section>`
}

function loginCard({ mailbox, server, login }: MailboxSettingsModel, m: Messages, page: PageContext): HtmlValue {
  if (login === undefined) return undefined
  const state = login.form
  const options = login.servers.map(name => ({ value: name, label: name }))
  const where = login.mayChooseLogin
    ? html`<div class="two">${selectField({ name: 'server', label: m.mailbox.server, options, value: server }, state)}${textField({ name: 'login', label: m.mailbox.loginThere, value: login.login, maxLength: 254, literal: true, autocomplete: 'off' }, state)}</div>`
    : html`<p class="soft">${m.mailbox.keptAt(server, login.login)}</p>`
  const tried =
    login.tried !== undefined &&
    note(
      login.tried.ok
        ? { tone: 'ok', icon: icons.check, text: m.mailbox.triedOk(page.formats.momentAt(login.tried.at)) }
        : { tone: 'bad', icon: icons.warning, text: m.mailbox.triedBad(page.formats.momentAt(login.tried.at), login.tried.answer ?? '') },
    )
  const fields = html`<h2>${m.mailbox.loginTitle}</h2>${where}${textField({ name: 'secret', label: m.mailbox.passwordThere, type: 'password', placeholder: login.stored ? m.mailbox.stored : undefined, autocomplete: 'new-password', maxLength: 1024, hint: m.mailbox.keptSealed }, state)}${tried}`
  return html`<section class="card pad">${form({ action: links.mailboxServer(mailbox.address), state, fields, acts: submit(m.mailbox.tryAndSave) }, m)}</section>`
}

function sendingCard({ mailbox, sending }: MailboxSettingsModel, m: Messages, page: PageContext): HtmlValue {
  if (sending === undefined) return undefined
  const state = sending.form
  const limit = (name: 'perDay' | 'perMessage', label: string) => {
    const most = sending.most[name]
    return textField(
      {
        name,
        label,
        aside: m.mailbox.emptyNoLimit,
        inputMode: 'numeric',
        maxLength: 9,
        value: sending[name] === null ? '' : String(sending[name]),
        hint: most === null ? undefined : m.mailbox.atMost(page.formats.number(most)),
      },
      state,
    )
  }
  const fields = html`<h2>${m.mailbox.sending}</h2><div class="swl">${switchField({ name: 'allowed', label: m.mailbox.maySend, about: m.mailbox.maySendAbout, on: sending.allowed }, state)}</div><div class="two">${limit('perDay', m.mailbox.perDay)}${limit('perMessage', m.mailbox.perMessage)}</div>${sending.onlyNarrow && html`<p class="hint">${m.mailbox.onlyNarrow}</p>`}`
  return html`<section class="card pad">${form({ action: links.mailboxSending(mailbox.address), state, fields, acts: submit(m.words.save) }, m)}</section>`
}

function leaveCard({ mailbox, server, mayPause, mayDisconnectAll, mayRemove, acts }: MailboxSettingsModel, m: Messages): HtmlValue {
  if (!mayPause && !mayDisconnectAll && !mayRemove) return undefined
  const { address } = mailbox
  const row = (title: string, about: HtmlValue, button: Html, id?: string) =>
    html`<div${id !== undefined && html` id="${id}"`}><div><b>${title}</b><p class="small muted">${about}</p></div>${button}</div>`
  const pause = mailbox.paused
    ? row(m.mailbox.pausedTitle, m.mailbox.pausedAbout, postButton(links.mailboxResume(address), acts, [icons.power, m.mailbox.endPause]), 'pause')
    : row(m.mailbox.pauseTitle, m.mailbox.pauseAbout, postButton(links.mailboxPause(address), acts, [icons.power, m.devices.pause]), 'pause')
  return html`<section class="card pad flow"><h2>${m.mailbox.leave}</h2><div class="swl">${mayPause && pause}${
    mayDisconnectAll &&
    mailbox.devices > 0 &&
    row(
      m.devices.disconnectAllLong,
      m.mailbox.disconnectAllAbout(mailbox.devices),
      html`<a class="btn s quiet red" href="${links.allDevices(address, 'disconnect-all')}">${icons.unplug}${m.devices.disconnectAll}</a>`,
    )
  }${mayRemove && row(m.mailbox.removeTitle, m.mailbox.removeAbout(server), html`<a class="btn s quiet red" href="${links.mailboxRemove(address)}">${icons.bin}${m.words.remove}</a>`)}</div></section>`
}

export interface RemoveMailboxModel {
  readonly address: string
  readonly domain?: string | undefined
  readonly form: FormState<'address'>
  readonly server: string
  readonly devices: number
  readonly sessions: number
}

/** The address is typed once more. */
export function removeMailboxView(model: RemoveMailboxModel, m: Messages, page: PageContext): Html {
  const { address } = model
  const shown = unicodeAddress(address)
  const lines = [
    { icon: icons.unplug, text: m.devices.passwordsStop(model.devices, model.sessions) },
    { icon: icons.envelope, text: m.mailbox.removeAbout(model.server) },
    { icon: icons.clock, text: m.devices.cannotBeUndone },
  ]
  const fields = html`${consequences(lines)}${textField({ name: 'address', label: m.mailbox.typeAddress(shown), literal: true, autocomplete: 'off', required: true, maxLength: 254 }, model.form)}`
  const body = html`${head({ title: m.mailbox.removeQuestion(shown) })}${form({ action: links.mailboxRemove(address), state: model.form, look: 'card pad', fields, acts: [submit([icons.bin, m.mailbox.removeButton], 'danger'), cancel(links.mailboxSettings(address), m.devices.keepIt)] }, m)}`
  const above = crumbs([{ label: showAddress(address), href: links.mailboxSettings(address) }, { label: m.words.remove }], m)
  return appPage({ title: m.mailbox.removeTitle, place: placeOf(model), width: 'slim', above, body }, m, page)
}
