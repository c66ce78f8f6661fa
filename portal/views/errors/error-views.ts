/** When something cannot be shown: not allowed, not there, too many tries, the store is down, the session is over. Each says what to do next. */

import { unicodeDomain } from '../../addresses.ts'
import { type Html, type HtmlValue, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { alonePage } from '../frame/layout.ts'
import { type IconName, icons } from '../icons.ts'
import type { PageContext } from '../page-context.ts'

interface ErrorPage {
  readonly icon: IconName
  readonly tone?: 'y' | 'off' | undefined
  readonly title: string
  readonly text: HtmlValue
  readonly small?: HtmlValue
  readonly acts?: HtmlValue
}

function errorPage({ icon, tone, title, text, small, acts }: ErrorPage, m: Messages, page: PageContext): Html {
  const body = html`<section class="card pad flow centred-card"><span class="tile ${tone}">${icons[icon]}</span><h1 tabindex="-1">${title}</h1><p class="soft">${text}</p>${small !== undefined && html`<p class="small muted">${small}</p>`}${acts !== undefined && html`<div class="acts centred-acts">${acts}</div>`}</section>`
  return alonePage({ title, body }, m, page)
}

/** Where `/` leads this reader, or the sign-in. */
const homeButton = (m: Messages, page: PageContext): Html => {
  const seesServices = page.reader?.navigation.some(({ place }) => place === 'services') === true
  return html`<a class="btn primary" href="${links.home}">${seesServices ? m.errors.toServices : page.reader === undefined ? m.signIn.title : m.errors.toMailboxes}</a>`
}

export interface NotAllowedModel {
  /** Whom to ask; undefined: the page says it in general. */
  readonly ask?: { readonly name: string; readonly domain: string } | undefined
}

export const notAllowedView = ({ ask }: NotAllowedModel, m: Messages, page: PageContext): Html =>
  errorPage(
    {
      icon: 'gate',
      tone: 'y',
      title: m.errors.notAllowedTitle,
      text: ask === undefined ? m.errors.notAllowed : m.errors.notAllowedAsk(ask.name, unicodeDomain(ask.domain)),
      acts: homeButton(m, page),
    },
    m,
    page,
  )

export const notFoundView = (m: Messages, page: PageContext): Html =>
  errorPage({ icon: 'search', tone: 'off', title: m.errors.notFoundTitle, text: m.errors.notFound, acts: homeButton(m, page) }, m, page)

export interface TooManyModel {
  readonly retryAfterSeconds: number
  readonly back: string
}

export const tooManyView = ({ retryAfterSeconds, back }: TooManyModel, m: Messages, page: PageContext): Html =>
  errorPage(
    {
      icon: 'clock',
      tone: 'y',
      title: m.errors.tooManyTitle,
      text: m.errors.tooMany(m.words.duration(retryAfterSeconds)),
      small: m.errors.tooManyApps,
      acts: html`<a class="btn" href="${back}">${m.words.back}</a>`,
    },
    m,
    page,
  )

export interface TryAgainModel {
  /** Found in the log by it. */
  readonly reference: string
  readonly at: number
  /** `GET`: the same address again; a form is sent again by the browser's own button. */
  readonly again: string
}

/** The store cannot be reached. */
export const tryAgainView = ({ reference, at, again }: TryAgainModel, m: Messages, page: PageContext): Html =>
  errorPage(
    {
      icon: 'again',
      title: m.errors.tryAgainTitle,
      text: m.errors.tryAgain,
      small: m.errors.reference(reference, page.formats.time(at)),
      acts: html`<a class="btn primary" href="${again}">${m.errors.tryAgainButton}</a>`,
    },
    m,
    page,
  )

/** A bug: nothing is said about it but where to find it. */
export const brokenView = ({ reference, at, again }: TryAgainModel, m: Messages, page: PageContext): Html =>
  errorPage(
    {
      icon: 'warning',
      tone: 'y',
      title: m.errors.brokenTitle,
      text: m.errors.broken,
      small: m.errors.reference(reference, page.formats.time(at)),
      acts: html`<a class="btn" href="${again}">${m.errors.tryAgainButton}</a>`,
    },
    m,
    page,
  )

export interface SessionOverModel {
  /** What was typed, sealed; it comes back filled in. Undefined: nothing was typed. */
  readonly kept?: string | undefined
  readonly to: string
}

/** Its button posts to the sign-in without a login: that shows the sign-in form, with `to` and `kept` in it. */
export function sessionOverView({ kept, to }: SessionOverModel, m: Messages, page: PageContext): Html {
  const acts = html`<form method="post" action="${links.signIn}" class="inline"><input type="hidden" name="to" value="${to}">${kept !== undefined && html`<input type="hidden" name="kept" value="${kept}">`}<button class="btn primary">${m.signIn.title}</button></form>`
  return errorPage(
    { icon: 'clock', title: m.errors.sessionOverTitle, text: kept === undefined ? m.errors.sessionOver : m.errors.sessionOverKept, acts },
    m,
    page,
  )
}

export interface BadRequestModel {
  /** `address`: a query that no page of ours makes; `method`: nothing is done there by that method; `host`: it asked another name than ours; `origin`: it came from another page; `size`: too large; `form`: something that a form of ours never sends; `once`: the form was sent already. */
  readonly why: 'address' | 'method' | 'host' | 'origin' | 'size' | 'form' | 'once'
  readonly back: string
}

export const badRequestView = ({ why, back }: BadRequestModel, m: Messages, page: PageContext): Html =>
  errorPage(
    {
      icon: 'warning',
      tone: 'y',
      title: m.errors.badRequestTitles[why],
      text: m.errors.badRequests[why],
      acts: html`<a class="btn primary" href="${back}">${m.words.back}</a>`,
    },
    m,
    page,
  )

export const startGoneView = (m: Messages, page: PageContext): Html =>
  errorPage({ icon: 'link', tone: 'y', title: m.welcome.goneTitle, text: m.welcome.gone, small: m.welcome.goneYours, acts: homeButton(m, page) }, m, page)
