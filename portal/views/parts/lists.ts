/** What stands around a list: search, filters, pages; and the menu of a row. */

import { type Html, type HtmlValue, html } from '../../html.ts'
import type { Messages } from '../../messages/en.ts'
import { icons } from '../icons.ts'

export interface Search {
  readonly action: string
  /** What is looked for; a label, and by default what stands in the empty field. */
  readonly label: string
  readonly placeholder?: string | undefined
  readonly query: string
  /** Filters that stay as they are. */
  readonly keep?: Readonly<Record<string, string | undefined>> | undefined
}

/** A search that also looks as one types (`search.js` swaps the element with `data-results`). */
export const searchForm = ({ action, label, placeholder = label, query, keep = {} }: Search, m: Messages): Html =>
  html`<form class="tools" role="search" action="${action}" data-search aria-label="${label}">${Object.entries(keep).map(
    ([name, value]) => value !== undefined && html`<input type="hidden" name="${name}" value="${value}">`,
  )}<div class="find">${icons.search}<input type="search" name="q" aria-label="${label}" placeholder="${placeholder}" value="${query}" maxlength="200" autocomplete="off"></div><button class="btn">${m.words.search}</button></form>`

export interface Filter {
  readonly label: HtmlValue
  readonly href: string
  readonly current: boolean
}

/** They keep what is looked for, so they change with it. */
export const filters = (label: string, items: readonly Filter[], after?: HtmlValue): Html =>
  html`<nav class="filters" aria-label="${label}" data-results>${items.map(({ label: name, href, current }) => html`<a href="${href}"${current && html` aria-current="true"`}>${name}</a>`)}${after}</nav>`

export interface Pages {
  /** 1–50 of 1,248; or: 50 shown, more exist. */
  readonly range?: string | undefined
  readonly previous?: string | undefined
  readonly next?: string | undefined
}

export function pager({ range, previous, next }: Pages, m: Messages): HtmlValue {
  if (range === undefined && previous === undefined && next === undefined) return undefined
  return html`<nav class="pager" aria-label="${m.frame.pages}">${range !== undefined && html`<span class="num">${range}</span>`}<span class="push"></span>${
    previous !== undefined && html`<a class="btn s" href="${previous}" rel="prev">${icons.previous}${m.words.previousPage}</a>`
  }${next !== undefined && html`<a class="btn s" href="${next}" rel="next">${m.words.nextPage}${icons.next}</a>`}</nav>`
}

/** The three dots at the end of a row. Empty: nothing may be done. */
export const rowMenu = (label: string, entries: readonly HtmlValue[]): Html =>
  entries.some(Boolean)
    ? html`<details class="menu"><summary class="btn icon" aria-label="${label}">${icons.more}</summary><div class="drop">${entries}</div></details>`
    : html`<span class="menu"></span>`

export const menuLink = (href: string, icon: Html, label: string, look?: 'red'): Html =>
  html`<a${look !== undefined && html` class="${look}"`} href="${href}">${icon}${label}</a>`

export const menuPost = (action: string, icon: Html, label: string, look?: 'red', fields?: HtmlValue): Html =>
  html`<form method="post" action="${action}">${fields}<button${look !== undefined && html` class="${look}"`}>${icon}${label}</button></form>`

export const menuLine: Html = html`<hr>`
