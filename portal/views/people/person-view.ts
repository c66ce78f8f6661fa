/** One person: may send, administrator, rights by mailbox, domains, linked devices; and the questions before a new start, a block, a removal. */

import { showAddress, unicodeDomain } from '../../addresses.ts'
import { type Html, type HtmlValue, html, join } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { type DeviceActs, deviceMenu } from '../devices/device-list-view.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import { RIGHTS, type RightName, type Rights } from '../mailboxes/mailbox-users-view.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { cancel, choiceField, form, guards, problemOf, submit, switchField, textField } from '../parts/forms.ts'
import { type DeviceKind, deviceTile, face } from '../parts/names.ts'
import { consequences, note } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'
import { whenFirst } from '../parts/times.ts'

export interface PersonModel {
  readonly login: string
  readonly name: string
  readonly firstName: string
  readonly self: boolean
  readonly lastSignInAt: number | null
  readonly secondStep: 'passkey' | 'app' | 'both' | 'none'
  readonly notStarted: boolean
  readonly blocked: boolean
  readonly maySend: boolean
  readonly administrator: boolean
  /** The last one cannot be lowered, blocked or removed. */
  readonly lastAdministrator: boolean
  /** Domains that they manage. */
  readonly domains: readonly string[]
  readonly mailboxes: readonly { readonly address: string; readonly rights: Rights }[]
  readonly devices: readonly PersonDevice[]
  /** Mailboxes of the reader's reach in which they could get rights. */
  readonly may: {
    readonly sending: boolean
    readonly administrator: boolean
    readonly domains: boolean
    /** Those that the reader may give and take. */
    readonly rights: readonly RightName[]
    readonly newStart: boolean
    readonly block: boolean
    readonly remove: boolean
  }
  readonly acts: FormState
  /** Fields are `RIGHT:ADDRESS`, value `on`; `add`: one more address. */
  readonly rightsForm: FormState
  readonly domainsForm: FormState<'domains'>
}

export interface PersonDevice {
  readonly id: string
  readonly name: string
  readonly kind: DeviceKind
  readonly mailbox: string
  readonly connected: boolean
  readonly lastConnectionAt: number | null
  readonly app: string | null
  readonly state: 'active' | 'paused' | 'ended'
  readonly may: DeviceActs
}

/** Name of a box in the table of rights. */
export const rightField = (right: RightName, address: string): string => `${right}:${address}`

export function personView(model: PersonModel, m: Messages, page: PageContext): Html {
  const seen = model.notStarted
    ? m.people.notStarted
    : model.lastSignInAt === null
      ? m.people.neverSignedIn
      : m.people.signedIn(page.formats.moment(model.lastSignInAt))
  const acts = html`<div class="acts keep">${model.may.newStart && html`<a class="btn" href="${links.personNewStart(model.login)}">${icons.again}${m.people.newStart}</a>`}${
    model.may.block &&
    (model.blocked
      ? html`<form method="post" class="inline" action="${links.personUnblock(model.login)}">${guards(model.acts)}<button class="btn">${icons.power}${m.people.unblock}</button></form>`
      : html`<a class="btn quiet red" href="${links.personBlock(model.login)}">${icons.power}${m.people.block}</a>`)
  }${model.may.remove && html`<a class="btn quiet red" href="${links.personRemove(model.login)}">${icons.bin}${m.words.remove}</a>`}</div>`
  const body = html`${head({
    title: html`<bdi>${model.name}</bdi>`,
    sub: join([showAddress(model.login), seen, m.people.secondSteps[model.secondStep]], ' · '),
    sign: face(model),
    acts,
  })}
${model.blocked && note({ tone: 'bad', icon: icons.power, text: m.people.blockedAbout })}
${model.lastAdministrator && note({ icon: icons.shield, text: m.people.lastAdministrator })}
${switchesCard(model, m)}
${domainsCard(model, m)}
${rightsCard(model, m)}
${devicesCard(model, m, page)}`
  return appPage(
    { title: model.name, place: 'people', above: crumbs([{ label: m.people.title, href: links.people }, { label: html`<bdi>${model.name}</bdi>` }], m), body },
    m,
    page,
  )
}

function switchesCard(model: PersonModel, m: Messages): HtmlValue {
  const { may, acts } = model
  const part = (action: string, name: string, label: string, about: HtmlValue, on: boolean) =>
    html`<form method="post" action="${action}" class="switch-row">${guards(acts)}<div class="swl">${switchField({ name, label, about, on }, {})}</div><button class="btn s">${m.words.save}</button></form>`
  if (!may.sending && !may.administrator) return undefined
  return html`<section class="card pad switches">${may.sending && part(links.personSending(model.login), 'send', m.people.maySendMail, m.people.maySendAbout(model.firstName), model.maySend)}${
    may.administrator &&
    !model.lastAdministrator &&
    part(links.personAdministrator(model.login), 'administrator', m.people.administrator, m.people.administratorAbout, model.administrator)
  }</section>`
}

function domainsCard(model: PersonModel, m: Messages): HtmlValue {
  if (!model.may.domains && model.domains.length === 0) return undefined
  if (!model.may.domains) return html`<section class="card pad"><h2>${m.people.managesTitle}</h2><p>${join(model.domains.map(showAddress), ', ')}</p></section>`
  const fields = html`<h2>${m.people.managesTitle}</h2>${textField({ name: 'domains', label: m.people.domains, aside: m.words.onePerLine, rows: Math.max(2, Math.min(8, model.domains.length)), value: model.domains.map(unicodeDomain).join('\n'), literal: true, hint: m.people.roleManagerAbout }, model.domainsForm)}`
  return html`<section class="card pad">${form({ action: links.personDomains(model.login), state: model.domainsForm, fields, acts: submit(m.words.save) }, m)}</section>`
}

function rightsCard(model: PersonModel, m: Messages): Html {
  const { rightsForm: state, may } = model
  const ticked = (name: string, on: boolean) => (state.values === undefined ? on : state.values[name] === 'on')
  const box = (right: RightName, address: string, rights: Rights) => {
    const name = rightField(right, address)
    return html`<td><input type="checkbox" name="${name}" value="on" aria-label="${m.people.rightOf(m.people.rightLabels[right], address)}"${ticked(name, rights[right]) && html` checked`}${!may.rights.includes(right) && html` disabled`}></td>`
  }
  const rows = model.mailboxes.map(
    ({ address, rights }) =>
      html`<tr><th scope="row"><input type="hidden" name="mailbox" value="${address}"><a class="plain" href="${links.devices(address)}">${showAddress(address)}</a></th>${RIGHTS.map(right => box(right, address, rights))}</tr>`,
  )
  const table = html`<div class="scroll inset" tabindex="0" role="region" aria-label="${m.people.rightsByMailbox}"><table class="matrix"><tr><th scope="col">${m.people.mailbox}</th>${RIGHTS.map(right => html`<th scope="col">${m.people.rightNames[right]}</th>`)}</tr>${rows}</table></div>`
  const add = html`<div class="pad">${textField({ name: 'add', label: m.people.addMailbox, aside: m.people.addMailboxAside, placeholder: 'office@example.test', literal: true, maxLength: 254, autocomplete: 'off' }, state)}</div>`
  const save = html`<footer class="line"><button class="btn primary s">${m.people.saveRights}</button>${state.confirmNeeded === true && html`<span data-confirm-needed>${m.words.confirmComes}</span>`}</footer>`
  const content = html`<header><h2>${m.people.mailboxes}</h2></header>${problemOf(state)}${model.mailboxes.length > 0 ? table : html`<p class="pad small soft">${m.people.noMailbox}</p>`}`
  if (may.rights.length === 0) return html`<section class="card">${content}</section>`
  return html`<section class="card"><form method="post" action="${links.personRights(model.login)}" class="whole" novalidate>${guards(state)}${content}${add}${save}</form></section>`
}

function devicesCard(model: PersonModel, m: Messages, page: PageContext): HtmlValue {
  const { devices } = model
  const mailboxes = new Set(devices.map(({ mailbox }) => mailbox)).size
  const row = (device: PersonDevice) =>
    html`<li>${deviceTile(device.kind, device.state === 'active' ? 'on' : 'off')}<div class="what"><a class="name" href="${links.device(device.mailbox, device.id)}"><bdi>${device.name}</bdi></a><div class="meta">${showAddress(device.mailbox)}</div></div><div class="mid small soft">${
      device.connected
        ? html`<span class="live">${m.devices.connectedNow}</span>`
        : device.lastConnectionAt === null
          ? m.devices.neverConnected
          : html`${whenFirst(device.lastConnectionAt, page)}${device.app !== null && html` · <bdi>${device.app}</bdi>`}`
    }</div>${deviceMenu(device.mailbox, device, m)}</li>`
  return html`<section class="card"><header><h2>${m.people.linkedDevices}</h2>${mailboxes > 0 && html`<span class="muted small">${m.people.inMailboxes(mailboxes)}</span>`}</header>${
    devices.length === 0 ? html`<p class="pad small soft">${m.people.noDevices}</p>` : html`<ul class="rows inv">${devices.map(row)}</ul>`
  }</section>`
}

export interface PersonQuestionModel {
  readonly login: string
  readonly name: string
  readonly devices: number
  readonly sessions: number
  /** `new-start`: field `reach` (`copy`, `mail`); `remove`: field `devices` (`disconnect`, `keep`). */
  readonly form: FormState<'reach' | 'devices'>
  readonly mayMail: boolean
}

/** Before a new start, a block, a removal. */
export function personQuestionView(act: 'new-start' | 'block' | 'remove', model: PersonQuestionModel, m: Messages, page: PageContext): Html {
  const words = m.people.questions[act]
  const state = model.form
  const back = links.person(model.login)
  const reach = choiceField(
    {
      name: 'reach',
      legend: m.people.startReach,
      look: 'stack',
      value: 'copy',
      choices: [
        { value: 'copy', label: m.invitations.copyLink, about: m.invitations.copyLinkAbout },
        ...(model.mayMail ? [{ value: 'mail', label: m.people.mailStart, about: m.people.mailStartAbout }] : []),
      ],
    },
    state,
  )
  const keep = choiceField(
    {
      name: 'devices',
      legend: m.people.theirDevices(model.devices),
      look: 'stack',
      value: 'disconnect',
      choices: [
        { value: 'disconnect', label: m.people.disconnectThem, about: m.people.disconnectThemAbout },
        { value: 'keep', label: m.people.keepThem, about: m.people.keepThemAbout },
      ],
    },
    state,
  )
  const parts = {
    'new-start': { icon: icons.again, action: links.personNewStart(model.login), lines: m.people.newStartLines, extra: reach },
    block: { icon: icons.power, action: links.personBlock(model.login), lines: m.people.blockLines(model.devices, model.sessions), extra: undefined },
    remove: { icon: icons.bin, action: links.personRemove(model.login), lines: m.people.removeLines, extra: model.devices > 0 ? keep : undefined },
  }[act]
  const lines = parts.lines.map((text, at) => ({ icon: at === 0 ? parts.icon : icons.check, text }))
  const fields = [consequences(lines), parts.extra]
  const acts = [submit([parts.icon, words.button], act === 'new-start' ? 'primary' : 'danger'), cancel(back, m.words.cancel)]
  const body = html`${head({ title: words.title(model.name), sub: showAddress(model.login) })}${form({ action: parts.action, state, look: 'card pad', fields, acts }, m)}`
  const above = crumbs([{ label: m.people.title, href: links.people }, { label: html`<bdi>${model.name}</bdi>`, href: back }, { label: words.button }], m)
  return appPage({ title: words.button, place: 'people', width: 'slim', above, body }, m, page)
}
