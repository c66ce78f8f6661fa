/**
 * Setting up the app: five of them, chosen by radio buttons, all in the page, so that switching needs neither a script nor a request and the password
 * is not lost. What is in the squares and the table is made by `portal/setup/`.
 */

import { unicodeAddress } from '../../addresses.ts'
import { bdi, type Html, type HtmlValue, html } from '../../html.ts'
import type { Messages } from '../../messages/en.ts'
import { icons } from '../icons.ts'
import { chip } from '../parts/names.ts'
import { note } from '../parts/notes.ts'

export type AppChoice = 'apple' | 'android' | 'thunderbird' | 'outlook' | 'other'
export const APPS: readonly AppChoice[] = ['apple', 'android', 'thunderbird', 'outlook', 'other']
const APP_ICONS = { apple: icons.phone, android: icons.phone, thunderbird: icons.laptop, outlook: icons.laptop, other: icons.printer } as const

/** A QR code as the `d` of one SVG path, on `size` × `size` modules with their quiet zone. */
export interface QrPath {
  readonly d: string
  readonly size: number
}

export interface ServerSettings {
  readonly host: string
  readonly port: number
  readonly security: 'tls' | 'starttls'
  /** What works as well. */
  readonly other?: { readonly port: number; readonly security: 'tls' | 'starttls' } | undefined
}

/** As the setup functions make them for this device: ASCII, and without what it may not do. */
export interface AppSettings {
  readonly userName: string
  readonly imap?: ServerSettings | undefined
  readonly smtp?: ServerSettings | undefined
}

export interface SetupModel {
  readonly address: string
  readonly settings: AppSettings
  /** Shown first. */
  readonly app: AppChoice
  /** Where the page posts its password for the Apple profile. */
  readonly profileAction: string
  /** The name in the certificate of the profile; undefined: not signed. */
  readonly profileSignedBy?: string | undefined
  /** The square with which the phone makes its own password: a link of 15 minutes. */
  readonly phoneQr?: QrPath | undefined
  /** The square for Thunderbird on Android, with the password in it; undefined: the address is not ASCII before the @. */
  readonly thunderbirdQr?: QrPath | undefined
  readonly password: string
  /** `desk`: the maker's screen, squares for the phone. `invited`: the phone itself, everything to tap. */
  readonly screen: 'desk' | 'invited'
}

export function appSetup(model: SetupModel, m: Messages): Html {
  const { setup } = m
  const panels: Readonly<Record<AppChoice, HtmlValue>> = {
    apple: applePanel(model, m),
    android: androidPanel(model, m),
    thunderbird: how(setup.thunderbird(unicodeAddress(model.address), model.screen)),
    outlook: [how(setup.outlook(unicodeAddress(model.address), model.screen)), note({ text: setup.outlookCloud }), settingsTable(model.settings, 'outlook', m)],
    other: settingsTable(model.settings, 'other', m),
  }
  return html`<section class="card pad setup flow"><fieldset><legend>${setup.title}</legend><div class="apps">${APPS.map(
    (app, index) =>
      html`<label><input type="radio" name="app" value="${index}"${app === model.app && html` checked`}>${APP_ICONS[app]}<span>${setup.apps[app].name}<br><small>${setup.apps[app].about}</small></span></label>`,
  )}</div></fieldset>
${APPS.map((app, index) => html`<div class="for f${index}">${panels[app]}</div>`)}</section>`
}

/** Neither a phone nor a profile has an account that only sends, or one of a server without a port of its own. */
export const takesProfile = ({ imap, smtp }: AppSettings): boolean => imap !== undefined && imap.port !== 0 && smtp?.port !== 0

function applePanel(model: SetupModel, m: Messages): HtmlValue {
  const { setup } = m
  if (!takesProfile(model.settings)) return settingsTable(model.settings, 'apple', m)
  const profile = (look: string, label: string) =>
    html`<form class="line profile" method="post" action="${model.profileAction}"><input type="hidden" name="password" value="${model.password}" data-secret><button class="btn ${look}">${icons.download}${label}</button>${
      model.profileSignedBy === undefined
        ? html`<span class="small muted">${setup.notSigned}</span>`
        : chip(bdi(setup.signedBy(model.profileSignedBy)), 'g', icons.shield)
    }${model.screen === 'desk' && html`<span class="small muted">${setup.forThisMac}</span>`}</form>`
  if (model.screen === 'invited')
    return html`<ol class="how"><li>${setup.tapProfile}${profile('primary', setup.downloadProfile)}</li>${setup.installProfile.map(step => html`<li>${step}</li>`)}</ol>`
  const scan = [setup.scanApple, ...setup.installProfile]
  return [
    model.phoneQr === undefined ? how(setup.installProfile) : html`<div class="split">${qrCode(model.phoneQr, setup.qrLink)}${how(scan)}</div>`,
    profile('s', setup.downloadHere),
    model.phoneQr !== undefined && html`<p class="small muted">${setup.squareOnce}</p>`,
  ]
}

function androidPanel(model: SetupModel, m: Messages): HtmlValue {
  const { setup } = m
  if (model.screen === 'invited') return how(setup.androidByHand(unicodeAddress(model.address)))
  if (model.thunderbirdQr === undefined)
    return [note({ text: setup.noSquare }), how(setup.androidByHand(unicodeAddress(model.address))), settingsTable(model.settings, 'android', m)]
  return [
    html`<div class="split">${qrCode(model.thunderbirdQr, setup.qrSettings)}${how(setup.scanAndroid)}</div>`,
    html`<p class="small muted">${setup.onThatPhone}</p>`,
  ]
}

const how = (lines: readonly HtmlValue[]): Html => html`<ol class="how">${lines.map(line => html`<li>${line}</li>`)}</ol>`

export const qrCode = ({ d, size }: QrPath, label: string): Html =>
  html`<svg class="qr" role="img" aria-label="${label}" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path d="${d}" data-secret/></svg>`

const SECURITY = { tls: 'SSL/TLS', starttls: 'STARTTLS' } as const

/** A long address breaks before its @, where there is no room for all of it. */
const breakable = (address: string): Html => html`${address.split('@').map((part, at) => (at === 0 ? part : html`<wbr>@${part}`))}`

/** `id`: the table stands in more than one panel. */
export function settingsTable({ userName, imap, smtp }: AppSettings, id: string, m: Messages): Html {
  const { setup } = m
  const row = (label: string, value: HtmlValue, copy?: { readonly id: string; readonly label: string }) =>
    html`<tr><th scope="row">${label}</th><td${copy !== undefined && html` id="${copy.id}"`}>${value}</td>${
      copy === undefined
        ? html`<td></td>`
        : html`<td class="cp"><button type="button" class="btn icon" aria-label="${copy.label}" data-copy="${copy.id}" hidden>${icons.copy}</button></td>`
    }</tr>`
  const server = (title: string, name: string, settings: ServerSettings | undefined) =>
    settings !== undefined &&
    html`<tr class="sec"><th scope="rowgroup" colspan="3">${title}</th></tr>${row(setup.server, settings.host, { id: `${id}-${name}`, label: setup.copyServer(name.toUpperCase()) })}${row(
      setup.portSecurity,
      html`${settings.port}, ${SECURITY[settings.security]}${settings.other !== undefined && html` <span class="muted">${setup.orPort(`${settings.other.port}, ${SECURITY[settings.other.security]}`)}</span>`}`,
    )}`
  return html`<table class="kv"><caption class="vh">${setup.settings}</caption><tbody>${row(setup.userName, breakable(userName), { id: `${id}-user`, label: setup.copyUserName })}${server(setup.reading, 'imap', imap)}${server(setup.sending, 'smtp', smtp)}${row(setup.signIn, imap !== undefined && smtp !== undefined ? setup.signInBoth : setup.signInOne)}</tbody></table>`
}
