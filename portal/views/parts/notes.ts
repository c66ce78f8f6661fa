/** Boxes that say something in passing, empty lists, and lines with an icon. */
import { type Html, type HtmlValue, html } from '../../html.ts'
import { closedGate, icons } from '../icons.ts'

export interface Note {
  readonly tone?: 'ok' | 'warn' | 'bad' | undefined
  readonly icon?: Html | undefined
  readonly text: HtmlValue
  /** Read aloud at once. */
  readonly role?: 'status' | 'alert' | undefined
}

export const note = ({ tone, icon = icons.info, text, role }: Note): Html =>
  html`<div class="note ${tone}"${role !== undefined && html` role="${role}"`}>${icon}<div>${text}</div></div>`

/** What follows from a button, one line each. */
export const consequences = (lines: readonly { readonly icon: Html; readonly text: HtmlValue }[]): Html =>
  html`<div class="flow close">${lines.map(({ icon, text }) => html`<p class="line top-aligned">${icon}<span>${text}</span></p>`)}</div>`

export const emptyState = ({ title, text, acts }: { readonly title: string; readonly text: HtmlValue; readonly acts?: HtmlValue }): Html =>
  html`<section class="card empty">${closedGate}<h2>${title}</h2><p>${text}</p>${acts !== undefined && html`<div class="acts">${acts}</div>`}</section>`
