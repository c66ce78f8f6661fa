/** Adding a device: who, what for, how long, from where. The password comes after confirming. */

import { showAddress } from '../../addresses.ts'
import { type Html, type HtmlValue, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import { placeOf } from '../mailboxes/mailbox-head.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { cancel, choiceField, form, selectField, submit, textField } from '../parts/forms.ts'
import { note } from '../parts/notes.ts'
import { crumbs, head, passwordSteps } from '../parts/page-head.ts'

/**
 * `user`: `none`, `self` or `person`; `person`: a login, with `user=person`. `scope`: `both`, `read` or `send`. `ends`: `never`, `day`, `week`,
 * `month` or `date`; `date`: YYYY-MM-DD. `networks`: one a line.
 */
export type DeviceFields = 'name' | 'user' | 'person' | 'scope' | 'ends' | 'date' | 'networks'

export interface AddDeviceModel {
  readonly address: string
  readonly domain?: string | undefined
  readonly form: FormState<DeviceFields>
  /** Those it may be linked to. */
  readonly people: readonly { readonly login: string; readonly name: string }[]
  /** May add for others and for no user; otherwise it is the reader's own. */
  readonly forOthers: boolean
  readonly mayInvite: boolean
  /** The reader's own address, as an example. */
  readonly clientAddress: string
}

export function addDeviceView(model: AddDeviceModel, m: Messages, page: PageContext): Html {
  const { address } = model
  const state = model.form
  const fields = html`${textField({ name: 'name', label: m.devices.name, hint: m.devices.nameHint, required: true, maxLength: 100, autocomplete: 'off', focus: true }, state)}
${model.forOthers && whoField(model.people, state, m)}
${termFields(state, m, { networkHint: m.devices.networksHint(model.clientAddress) })}`
  const body = html`${head({ title: m.devices.add, sub: m.devices.to(address) })}${passwordSteps(1, m)}
${form({ action: links.devices(address), state, look: 'card pad', fields, acts: [submit(m.words.continue), cancel(links.devices(address), m.words.cancel)] }, m)}
${model.mayInvite && note({ icon: icons.link, text: m.devices.inviteInstead(`${links.addInvitation}?mailbox=${encodeURIComponent(address)}`) })}`
  const above = crumbs([{ label: showAddress(address), href: links.devices(address) }, { label: m.devices.add }], m)
  return appPage({ title: m.devices.add, place: placeOf(model), width: 'slim', above, body }, m, page)
}

export function whoField(people: AddDeviceModel['people'], state: FormState, m: Messages): Html {
  const choices = [
    { value: 'none', label: m.devices.noUser, about: m.devices.noUserAbout },
    { value: 'person', label: m.devices.aPerson, about: m.devices.aPersonAbout },
  ]
  const pick =
    people.length > 0 &&
    html`<div class="only-person">${selectField({ name: 'person', label: m.devices.person, value: undefined, options: people.map(({ login, name }) => ({ value: login, label: name === login ? login : `${name}, ${login}` })) }, state)}</div>`
  return html`<div class="flow who-field">${choiceField({ name: 'user', legend: m.devices.who, choices: people.length > 0 ? choices : choices.slice(0, 1), value: 'none', look: 'cards' }, state)}${pick}</div>`
}

export interface TermOptions {
  readonly networkHint: HtmlValue
  readonly legend?: string | undefined
}

/** What it may do, how long, from where: of a device, and of an invitation to make one. */
export function termFields(state: FormState, m: Messages, { networkHint, legend = m.devices.may }: TermOptions): Html {
  const ends = choiceField(
    {
      name: 'ends',
      legend: m.devices.howLong,
      look: 'row',
      value: 'never',
      choices: (['never', 'day', 'week', 'month', 'date'] as const).map(value => ({ value, label: m.devices.endChoices[value] })),
    },
    state,
  )
  const open = (state.values?.networks ?? '') !== '' || state.errors?.networks !== undefined
  return html`${choiceField({ name: 'scope', legend, look: 'row', value: 'both', choices: scopeChoices(m) }, state)}
<div class="flow ends-field">${ends}<div class="only-date">${textField({ name: 'date', label: m.devices.untilDate, type: 'date' }, state)}</div></div>
<details class="more"${open && html` open`}><summary>${m.devices.onlyNetworks}</summary>${textField({ name: 'networks', label: m.devices.networks, aside: m.words.onePerLine, rows: 2, placeholder: '203.0.113.0/24', literal: true, hint: networkHint }, state)}</details>`
}

export const scopeChoices = (m: Messages) => (['both', 'read', 'send'] as const).map(value => ({ value, label: m.devices.scopeChoices[value] }))
