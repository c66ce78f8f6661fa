/** The questions before something ends: change the password, disconnect, and the same for all devices of a mailbox. Each counts what ends and what does not. */

import { showAddress } from '../../addresses.ts'
import { type Html, html } from '../../html.ts'
import { type AllDevicesAct, links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import { placeOf } from '../mailboxes/mailbox-head.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { cancel, choiceField, form, submit } from '../parts/forms.ts'
import { consequences } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'
import { whenFirst } from '../parts/times.ts'

export interface ChangeDeviceModel {
  readonly address: string
  readonly domain?: string | undefined
  readonly device: { readonly id: string; readonly name: string }
  readonly form: FormState<'way'>
  /** Live sessions of this device. */
  readonly sessions: number
  /** Devices of the mailbox besides this one. */
  readonly others: number
}

/** Field `way`: `generated` or `own`. */
export function changePasswordView(model: ChangeDeviceModel & { readonly mayChooseOwn: boolean }, m: Messages, page: PageContext): Html {
  const { address, device } = model
  const ways = [
    { value: 'generated', label: m.password.makeOne, about: m.password.makeOneAbout },
    { value: 'own', label: m.password.iChoose, about: m.password.iChooseAbout },
  ]
  const fields = html`${
    model.mayChooseOwn
      ? choiceField({ name: 'way', legend: m.password.newOne, choices: ways, value: 'generated', look: 'stack' }, model.form)
      : html`<input type="hidden" name="way" value="generated">`
  }${consequences([
    { icon: icons.warning, text: m.devices.oldStops(model.sessions) },
    ...(model.others > 0 ? [{ icon: icons.check, text: m.devices.othersInMailbox(model.others) }] : []),
  ])}`
  const acts = [submit([icons.key, m.devices.changePassword]), cancel(links.devices(address), m.devices.keepOld)]
  const body = html`${head({ title: m.devices.changeTitle, sub: m.devices.ofIn(device.name, address) })}
${form({ action: links.devicePassword(address, device.id), state: model.form, look: 'card pad', fields, acts }, m)}`
  return appPage(
    { title: m.devices.changePassword, place: placeOf(model), width: 'slim', above: deviceCrumbs(address, device, m.devices.changePassword, m), body },
    m,
    page,
  )
}

export function disconnectView(model: ChangeDeviceModel & { readonly pausable: boolean }, m: Messages, page: PageContext): Html {
  const { address, device } = model
  const fields = consequences([
    { icon: icons.unplug, text: m.devices.disconnectStops },
    { icon: icons.envelope, text: m.devices.disconnectStays },
    ...(model.others > 0 ? [{ icon: icons.check, text: m.devices.othersDoNot(model.others) }] : []),
    {
      icon: icons.clock,
      text: model.pausable
        ? m.devices.disconnectForGood(html`<button class="as-link" formaction="${links.devicePause(address, device.id)}">${m.devices.pauseIt}</button>`)
        : m.devices.cannotBeUndone,
    },
  ])
  const acts = [submit([icons.unplug, m.devices.disconnect], 'danger'), cancel(links.devices(address), m.devices.keepIt)]
  const body = html`${head({ title: m.devices.disconnectTitle(device.name), sub: m.devices.fromMailbox(address) })}
${form({ action: links.deviceDisconnect(address, device.id), state: model.form, look: 'card pad', fields, acts }, m)}`
  return appPage(
    { title: m.devices.disconnect, place: placeOf(model), width: 'slim', above: deviceCrumbs(address, device, m.devices.disconnect, m), body },
    m,
    page,
  )
}

export const deviceCrumbs = (address: string, device: { readonly id: string; readonly name: string }, here: string | undefined, m: Messages): Html =>
  crumbs(
    [
      { label: showAddress(address), href: links.devices(address) },
      { label: html`<bdi>${device.name}</bdi>`, ...(here !== undefined && { href: links.device(address, device.id) }) },
      ...(here === undefined ? [] : [{ label: here }]),
    ],
    m,
  )

export interface AllDevicesModel {
  readonly address: string
  readonly domain?: string | undefined
  readonly act: AllDevicesAct
  readonly form: FormState
  /** Those that it is about. */
  readonly devices: readonly { readonly name: string; readonly lastConnectionAt: number | null }[]
  readonly sessions: number
  /** Those that stay as they are. */
  readonly others: number
}

/** End all sessions, disconnect all, disconnect those that are quiet for 90 days. */
export function allDevicesView(model: AllDevicesModel, m: Messages, page: PageContext): Html {
  const { address, act, devices } = model
  const words = m.devices.allActs[act]
  const kept = act === 'end-sessions'
  const lines = kept
    ? [
        { icon: icons.power, text: m.devices.allSessionsEnd(model.sessions) },
        { icon: icons.check, text: m.devices.appsComeBack },
      ]
    : [
        { icon: icons.unplug, text: m.devices.passwordsStop(devices.length, model.sessions) },
        { icon: icons.envelope, text: m.devices.mailStays },
        ...(model.others > 0 ? [{ icon: icons.check, text: m.devices.othersDoNot(model.others) }] : []),
        { icon: icons.clock, text: m.devices.cannotBeUndone },
      ]
  const list = html`<ul class="rows mini inset">${devices.map(
    ({ name, lastConnectionAt }) =>
      html`<li><span class="go">${icons.laptop}</span><span class="what"><bdi>${name}</bdi></span><span class="small soft">${lastConnectionAt === null ? m.devices.neverConnected : whenFirst(lastConnectionAt, page)}</span></li>`,
  )}</ul>`
  const acts = [submit([kept ? icons.power : icons.unplug, words.button], kept ? 'primary' : 'danger'), cancel(links.devices(address), m.words.cancel)]
  const body = html`${head({ title: words.title, sub: m.devices.fromMailbox(address) })}
${form({ action: links.allDevices(address, act), state: model.form, look: 'card pad', fields: [consequences(lines), !kept && list], acts }, m)}`
  return appPage(
    {
      title: words.title,
      place: placeOf(model),
      width: 'slim',
      above: crumbs([{ label: showAddress(address), href: links.devices(address) }, { label: words.button }], m),
      body,
    },
    m,
    page,
  )
}
