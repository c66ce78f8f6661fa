/** What stands at the top of a page: where you are, its one heading, its tabs, the steps of a course. */

import { type Html, type HtmlValue, html } from '../../html.ts'
import type { Messages } from '../../messages/en.ts'
import { icons } from '../icons.ts'

export interface Crumb {
  readonly label: HtmlValue
  /** Undefined: this page. */
  readonly href?: string | undefined
}

export const crumbs = (items: readonly Crumb[], m: Messages): Html =>
  html`<nav class="crumbs" aria-label="${m.frame.youAreHere}"><ol>${items.map(({ label, href }) =>
    href === undefined ? html`<li><span aria-current="page">${label}</span></li>` : html`<li><a href="${href}">${label}</a></li>`,
  )}</ol></nav>`

export interface Head {
  readonly title: HtmlValue
  readonly sub?: HtmlValue
  /** Before the title: a tile, a face. */
  readonly sign?: Html | undefined
  /** After it: one button, or several in `acts keep`. */
  readonly acts?: HtmlValue
}

export function head({ title, sub, sign, acts }: Head): Html {
  const words = html`<h1 tabindex="-1">${title}</h1>${sub !== undefined && html`<p class="sub">${sub}</p>`}`
  return html`<div class="head">${sign === undefined ? html`<div>${words}</div>` : html`<div class="line signed">${sign}<div>${words}</div></div>`}${acts}</div>`
}

export interface Tab {
  readonly label: string
  readonly href: string
  readonly count?: string | undefined
  readonly current: boolean
}

export const tabs = (label: string, items: readonly Tab[]): Html =>
  html`<nav class="tabs" aria-label="${label}">${items.map(
    ({ label: name, href, count, current }) =>
      html`<a href="${href}"${current && html` aria-current="page"`}>${name}${count !== undefined && html`<span class="count">${count}</span>`}</a>`,
  )}</nav>`

/** `at`: the step that the page is, from 1. */
export const steps = (names: readonly string[], at: number, m: Messages): Html =>
  html`<ol class="steps" aria-label="${m.frame.steps}">${names.map(
    (name, index) =>
      html`<li${index + 1 < at && html` class="done"`}${index + 1 === at && html` aria-current="step"`}><b>${index + 1 < at ? icons.check : index + 1}</b><span>${name}</span></li>`,
  )}</ol>`

/** The three steps to a password. */
export const passwordSteps = (at: number, m: Messages): Html => steps([m.devices.stepWho, m.devices.stepConfirm, m.devices.stepPassword], at, m)
