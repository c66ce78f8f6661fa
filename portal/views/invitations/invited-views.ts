/** The invitation as the invited see it: what it is for, then the password with the set-up; or that the link no longer works. */

import { bold, type Html, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { APPS, type AppChoice, appSetup, type SetupModel } from '../devices/app-setup.ts'
import type { DeviceScope } from '../devices/device-list-view.ts'
import { passwordTag, waitingLine } from '../devices/password-view.ts'
import { alonePage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { choiceField, guards, problemOf, textField } from '../parts/forms.ts'
import { face } from '../parts/names.ts'
import { note } from '../parts/notes.ts'

export interface InvitationOpenModel {
  readonly token: string
  readonly address: string
  readonly invitedBy: { readonly name: string; readonly firstName: string }
  readonly endsAt: number
  /** Signed in as this person; undefined: whoever has the link. */
  readonly person?: { readonly name: string; readonly login: string } | undefined
  /** Of a phone's own new password (the square on the maker's screen): the device is known, and only the button is left. */
  readonly device?: string | undefined
  /** Fields `name`, `app`. */
  readonly form: FormState<'name' | 'app'>
  /** Guessed from the browser. */
  readonly app: AppChoice
  readonly suggestedName: string
}

export function invitationOpenView(model: InvitationOpenModel, m: Messages, page: PageContext): Html {
  const { person, form: state, device } = model
  const who =
    person !== undefined &&
    html`<p class="line">${face(person)}<span>${m.invited.signedInAs} ${bold(person.name)}<br><button class="small as-link" form="someone-else">${m.invited.notYou}</button></span></p>`
  const name =
    device === undefined
      ? textField(
          {
            name: 'name',
            label: m.invited.nameLabel,
            value: model.suggestedName,
            required: true,
            maxLength: 100,
            autocomplete: 'off',
            hint: m.invited.nameHint(model.invitedBy.firstName),
          },
          state,
        )
      : html`<p>${m.invited.forDevice(device)}</p>`
  const app = choiceField(
    {
      name: 'app',
      legend: m.invited.whichApp,
      look: 'cards',
      value: model.app,
      choices: APPS.map(value => ({ value, label: m.setup.apps[value].name, about: m.setup.apps[value].about })),
    },
    state,
  )
  const body = html`<div class="centred"><h1 tabindex="-1">${m.invited.title(model.address)}</h1><p class="soft sub-line">${device === undefined ? m.invited.by(model.invitedBy.name) : m.invited.phone}</p></div><form class="card pad" method="post" action="${links.invitationOpen(model.token)}" novalidate>${problemOf(state)}${guards(state)}${who}${name}${app}<button class="btn primary wide">${m.invited.button}</button><p class="small muted">${device === undefined ? m.invited.next : m.invited.oldStops}</p></form>${
    person !== undefined &&
    html`<form method="post" action="${links.signIn}" id="someone-else" hidden><input type="hidden" name="to" value="${links.invitationOpen(model.token)}"></form>`
  }<p class="small muted centred">${m.invited.nothingUsed(page.formats.daysSince(model.endsAt) === 0 ? page.formats.time(model.endsAt) : page.formats.monthDay(model.endsAt))}</p>`
  return alonePage({ title: m.invited.shortTitle, width: 'wide', body }, m, page)
}

export interface InvitationDoneModel {
  readonly address: string
  readonly device: { readonly id: string; readonly name: string; readonly scope: DeviceScope }
  readonly password: string
  readonly setup: SetupModel
  /** 204, or the connection: `links.deviceFirst`, or one of its own for whoever is not signed in. */
  readonly firstUrl: string
  readonly first?: { readonly app: string | null; readonly ip: string; readonly at: number } | undefined
}

export function invitationDoneView(model: InvitationDoneModel, m: Messages, page: PageContext): Html {
  const { device, first } = model
  const connected =
    first !== undefined &&
    note({ tone: 'ok', icon: icons.check, text: m.password.connected(device.name, first.app, first.ip, page.formats.ago(first.at)), role: 'status' })
  const body = html`<div class="centred"><h1 tabindex="-1">${m.invited.welcome}</h1><p class="soft sub-line">${m.invited.may[device.scope](device.name, model.address)}</p></div>${connected}${appSetup({ ...model.setup, screen: 'invited' }, m)}${passwordTag(m.invited.orType, model.password, true, false, m)}${
    first === undefined && waitingLine('line small soft centred-line', model.firstUrl, m.invited.waiting, false)
  }`
  return alonePage({ title: m.invited.welcome, width: 'wide', scripts: ['password.js', 'first-connection.js'], isOnce: true, body }, m, page)
}

/** It names another person than the one who is signed in. Its button shows the sign-in, which leads back. */
export function invitationForAnotherView({ to, name }: { readonly to: string; readonly name: string }, m: Messages, page: PageContext): Html {
  const acts = html`<form method="post" action="${links.signIn}" class="inline"><input type="hidden" name="to" value="${to}"><button class="btn primary">${m.signIn.someoneElse}</button></form><a class="btn" href="${links.home}">${m.errors.toMailboxes}</a>`
  const body = html`<section class="card pad flow centred-card"><span class="tile y">${icons.link}</span><h1 tabindex="-1">${m.invited.otherTitle}</h1><p class="soft">${m.invited.other(name)}</p><p class="small muted">${m.invited.nothingUsedUp}</p><div class="acts centred-acts">${acts}</div></section>`
  return alonePage({ title: m.invited.otherTitle, body }, m, page)
}

/** Used, revoked, over, unknown: one page. */
export function invitationGoneView(m: Messages, page: PageContext): Html {
  const body = html`<section class="card pad flow centred-card"><span class="tile y">${icons.link}</span><h1 tabindex="-1">${m.invited.goneTitle}</h1><p class="soft">${m.invited.gone}</p><p class="small muted">${m.invited.goneYours}</p></section>`
  return alonePage({ title: m.invited.goneTitle, body }, m, page)
}
