/** People, devices and mailboxes as they stand in lists: faces, tiles, chips. */
import { type Html, type HtmlValue, html } from '../../html.ts'
import { type IconName, icons } from '../icons.ts'

/** What a device looks like; guessed by whoever fills the model, from its name and its app. */
export type DeviceKind = 'phone' | 'laptop' | 'printer' | 'server'
export type ChipTone = 'g' | 'y' | 'r' | 'b'

const DEVICE_ICONS: Readonly<Record<DeviceKind, IconName>> = { phone: 'phone', laptop: 'laptop', printer: 'printer', server: 'server' }

export const deviceTile = (kind: DeviceKind, state: 'on' | 'off' = 'on'): Html =>
  html`<span class="tile ${state === 'off' && 'off'}">${icons[DEVICE_ICONS[kind]]}</span>`

export const tile = (icon: Html, tone?: 'y' | 'r' | 'off'): Html => html`<span class="tile ${tone}">${icon}</span>`

export const chip = (text: HtmlValue, tone?: ChipTone, icon?: Html): Html => html`<span class="chip ${tone}">${icon}${text}</span>`

/** The one colour of a person everywhere, from the login. */
function toneOf(login: string): string {
  let sum = 0
  for (const char of login) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 997
  return ['g', 'y', 'r', ''][sum % 4] ?? ''
}

/** At most two letters: of the first and the last word, or the first two of the only one. */
export function initials(name: string): string {
  const words = name.split(/[\s@._-]+/u).filter(word => /[\p{L}\p{N}]/u.test(word))
  const first = words[0] ?? ''
  const last = words.at(-1) ?? ''
  const letters = words.length > 1 && !name.includes('@') ? [...first].slice(0, 1).concat([...last].slice(0, 1)) : [...first].slice(0, 2)
  return letters.join('').toLocaleUpperCase()
}

export const face = ({ name, login }: { readonly name: string; readonly login: string }, size?: 's'): Html =>
  html`<span class="face ${toneOf(login)} ${size}" aria-hidden="true">${initials(name === '' ? login : name)}</span>`

/** A program, a machine: no user. */
export const noFace = (size?: 's'): Html => html`<span class="face n ${size}" aria-hidden="true">${icons.cog}</span>`

/** A mailbox among others: its first letters, without a colour of its own. */
export const mailboxFace = (address: string): Html => html`<span class="face" aria-hidden="true">${initials(address)}</span>`
