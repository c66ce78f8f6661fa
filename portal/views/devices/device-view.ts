/** One device: facts, thirty days as bars, live sessions, refused tries, rules, and what was changed. */

import { type Html, type HtmlValue, html, join } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { capital } from '../../messages/formats.ts'
import { type ChangeEntry, changeRow } from '../activity/activity-rows.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import { mailboxCrumbs, placeOf } from '../mailboxes/mailbox-head.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { choiceField, form, postButton, selectField, submit, textField } from '../parts/forms.ts'
import { chip, deviceTile, tile } from '../parts/names.ts'
import { note } from '../parts/notes.ts'
import { head } from '../parts/page-head.ts'
import { bars } from '../parts/stats.ts'
import { clockTime, moment, whenFirst } from '../parts/times.ts'
import { scopeChoices } from './add-device-view.ts'
import { type DeviceRow, deviceChips, type RefusedReason } from './device-list-view.ts'

export interface DeviceModel {
  readonly address: string
  readonly domain?: string | undefined
  readonly device: DeviceRow
  readonly passwordChangedAt: number
  readonly passwordKind: 'generated' | 'chosen' | 'migration'
  /** Connections a day, the oldest first, today last. */
  readonly connections: readonly number[]
  readonly sessions: readonly DeviceSession[]
  /** Of the last 30 days, grouped; newest first. */
  readonly refused: readonly RefusedTries[]
  readonly changes: readonly ChangeEntry[]
  /** Undefined: the reader may not change them. */
  readonly rules?:
    | { readonly form: FormState<RuleFields>; readonly people: readonly { readonly login: string; readonly name: string }[]; readonly mayChooseUser: boolean }
    | undefined
  /** For the buttons that end sessions, pause and resume. */
  readonly acts: FormState
}

/** `user`: a login, or empty. `ends`: YYYY-MM-DD, or empty. `networks`: one a line. */
export type RuleFields = 'name' | 'user' | 'scope' | 'ends' | 'networks'

export interface DeviceSession {
  readonly id: string
  readonly protocol: 'imap' | 'submission'
  readonly since: number
  readonly ip: string
  readonly app: string | null
  readonly tls: string | null
  /** From the server to the app, and the other way. */
  readonly bytesReceived: number
  readonly bytesSent: number
}

export interface RefusedTries {
  readonly at: number
  readonly count: number
  readonly reason: RefusedReason
  readonly ip: string
  readonly app: string | null
}

export function deviceView(model: DeviceModel, m: Messages, page: PageContext): Html {
  const { address, device } = model
  const { formats } = page
  const acts = html`<div class="acts keep">${device.may.password && html`<a class="btn" href="${links.devicePassword(address, device.id)}">${icons.key}${m.devices.changePassword}</a>`}${
    device.may.disconnect && html`<a class="btn quiet red" href="${links.deviceDisconnect(address, device.id)}">${icons.unplug}${m.devices.disconnect}</a>`
  }</div>`
  const body = html`${head({
    title: html`<bdi>${device.name}</bdi>`,
    sub: join(
      [device.user === undefined ? m.devices.noUser : html`<bdi>${device.user.name}</bdi>`, m.devices.madeOn(device.madeBy, formats.longDay(device.madeAt))],
      ' · ',
    ),
    sign: deviceTile(device.kind, device.state === 'active' ? 'on' : 'off'),
    acts,
  })}
${stateNote(model, m, page)}
<div class="line">${deviceChips(device, m)}${device.endsAt !== null && device.state !== 'ended' && chip(`${m.devices.ends} ${formats.until(device.endsAt)}, ${formats.day(device.endsAt)}`, undefined, icons.clock)}</div>
${facts(model, m, page)}
${sessionsCard(model, m, page)}
${refusedCard(model, m, page)}
${model.rules !== undefined && rulesCard(model, model.rules, m, page)}
${changesCard(model, m, page)}`
  const above = mailboxCrumbs(model, [{ label: html`<bdi>${device.name}</bdi>` }], m)
  return appPage({ title: device.name, place: placeOf(model), above, body }, m, page)
}

function stateNote({ address, device, acts }: DeviceModel, m: Messages, page: PageContext): HtmlValue {
  if (device.state === 'paused')
    return note({
      tone: 'warn',
      icon: icons.power,
      text: html`<b>${m.devices.pausedTitle}</b> ${m.devices.pausedAbout} ${device.may.pause && postButton(links.deviceResume(address, device.id), acts, m.devices.resume)}`,
    })
  if (device.state === 'ended' && device.endsAt !== null)
    return note({
      tone: 'bad',
      icon: icons.clock,
      text: html`${m.devices.endedTitle(page.formats.longDay(device.endsAt))} ${device.may.rules && html`<a href="#rules">${m.devices.changeItsEnd}</a>`}`,
    })
  return undefined
}

function facts({ device, connections, passwordChangedAt, passwordKind }: DeviceModel, m: Messages, page: PageContext): Html {
  const { last } = device
  const { formats } = page
  const lastValue = device.sessions > 0 ? m.devices.connectedNow : last === null ? m.devices.neverConnected : whenFirst(last.at, page)
  const lastLabel =
    last === null
      ? m.devices.madeBy(device.madeBy, formats.nearDay(device.madeAt))
      : html`${last.ip}, ${last.app === null ? m.devices.appUnknown : html`<bdi>${last.app}</bdi>`}`
  const least = Math.min(...connections)
  const most = Math.max(...connections)
  return html`<div class="stats">${statCard(m.devices.lastConnection, lastValue, lastLabel)}${statCard(m.words.password, capital(m.devices.old(formats.daysSince(passwordChangedAt))), m.devices.passwordKinds[passwordKind])}<div class="card stat"><span>${m.devices.last30Days}</span>${bars(connections, m.devices.connectionsADay(least, most))}</div></div>`
}

const statCard = (over: string, value: HtmlValue, label: HtmlValue): Html =>
  html`<div class="card stat"><span>${over}</span><b class="as-words">${value}</b><span>${label}</span></div>`

function sessionsCard({ address, device, sessions, acts }: DeviceModel, m: Messages, page: PageContext): Html {
  const { formats } = page
  const mayEnd = device.may.disconnect
  const row = (session: DeviceSession) =>
    html`<li>${tile(session.protocol === 'imap' ? icons.inbox : icons.send)}<div class="what"><span class="live">${session.protocol === 'imap' ? m.devices.readingImap : m.devices.sendingSmtp}</span><div class="meta">${join(
      [
        html`<span>${m.devices.since} ${formats.daysSince(session.since) === 0 ? clockTime(session.since, page) : moment(session.since, page)}</span>`,
        html`<span>${session.ip}</span>`,
        session.app !== null && html`<bdi>${session.app}</bdi>`,
        session.tls !== null && html`<span>${session.tls}</span>`,
      ],
      ' ',
    )}</div></div><div class="mid small soft">${m.devices.traffic(formats.bytes(session.bytesReceived), formats.bytes(session.bytesSent))}</div>${
      mayEnd ? postButton(links.deviceSessionEnd(address, device.id, session.id), acts, m.devices.endIt, 'btn s quiet red') : html`<span></span>`
    }</li>`
  const all =
    mayEnd &&
    sessions.length > 1 &&
    html`<span class="push">${postButton(links.deviceSessionsEnd(address, device.id), acts, m.devices.endAll, 'btn s quiet red')}</span>`
  return html`<section class="card"><header><h2>${m.devices.liveSessions}</h2>${sessions.length > 0 && chip(formats.number(sessions.length), 'g')}${all}</header>${
    sessions.length === 0
      ? html`<p class="pad small soft">${m.devices.noSession}</p>`
      : html`<ul class="rows inv">${sessions.map(row)}</ul><footer>${m.devices.comesBack}</footer>`
  }</section>`
}

function refusedCard({ refused }: DeviceModel, m: Messages, page: PageContext): HtmlValue {
  if (refused.length === 0) return undefined
  const row = (tries: RefusedTries) =>
    html`<li>${tile(icons.cross, 'r')}<div class="what"><b>${capital(m.refusals[tries.reason])}</b><div class="meta"><span>${tries.ip}</span>${tries.app !== null && html`<bdi>${tries.app}</bdi>`}</div></div><div class="mid small soft">${whenFirst(tries.at, page)}</div><span class="small soft">${m.words.times(tries.count)}</span></li>`
  return html`<section class="card"><header><h2>${m.devices.refusedTitle}</h2></header><ul class="rows inv">${refused.map(row)}</ul><footer>${m.devices.refusedAbout}</footer></section>`
}

function rulesCard(model: DeviceModel, rules: NonNullable<DeviceModel['rules']>, m: Messages, page: PageContext): Html {
  const { address, device } = model
  const state = rules.form
  const users = [{ value: '', label: m.devices.noUser }, ...rules.people.map(({ login, name }) => ({ value: login, label: name }))]
  const fields = html`<h2>${m.devices.rules}</h2><div class="two">${textField({ name: 'name', label: m.devices.name, value: device.name, maxLength: 100, required: true, autocomplete: 'off' }, state)}${
    rules.mayChooseUser && selectField({ name: 'user', label: m.devices.user, options: users, value: device.user?.login ?? '' }, state)
  }</div>${choiceField({ name: 'scope', legend: m.devices.mayShort, look: 'row', value: device.scope, choices: scopeChoices(m) }, state)}<div class="two">${textField(
    { name: 'ends', label: m.devices.ends, aside: m.devices.endsEmpty, type: 'date', value: device.endsAt === null ? '' : page.formats.isoDay(device.endsAt) },
    state,
  )}${textField({ name: 'networks', label: m.devices.networksLabel, aside: m.devices.networksEmpty, value: device.networks.join('\n'), rows: Math.max(2, device.networks.length), placeholder: '203.0.113.0/24', literal: true }, state)}</div>`
  const pause =
    device.may.pause &&
    html`<button class="btn quiet" formaction="${device.state === 'paused' ? links.deviceResume(address, device.id) : links.devicePause(address, device.id)}">${icons.power}${device.state === 'paused' ? m.devices.resumeThis : m.devices.pauseThis}</button>`
  return html`<section class="card pad" id="rules">${form({ action: links.device(address, device.id), state, fields, acts: [submit(m.words.save), pause] }, m)}</section>`
}

function changesCard({ changes }: DeviceModel, m: Messages, page: PageContext): HtmlValue {
  return (
    changes.length > 0 &&
    html`<section class="card"><header><h2>${m.devices.history}</h2></header><ul class="rows act">${changes.map(change => changeRow(change, 'with-day', m, page))}</ul></section>`
  )
}
