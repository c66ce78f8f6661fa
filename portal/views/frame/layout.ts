/** The two frames around every page: `appPage` with header and navigation for whoever is signed in, `alonePage` for all others and for errors. */

import { bdi, type Html, type HtmlValue, html, join } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { LANGUAGE_NAMES, LANGUAGES } from '../../messages/languages.ts'
import type { AssetName } from '../asset-names.ts'
import { icons, logo } from '../icons.ts'
import type { Flash, PageContext, Place, Reader } from '../page-context.ts'
import { face } from '../parts/names.ts'
import { note } from '../parts/notes.ts'

export interface AppPage {
  /** Title of the browser's tab; the heading of the page is the view's own. */
  readonly title: string
  /** Which entry of the navigation it belongs to. */
  readonly place: Place | undefined
  readonly width?: 'slim' | undefined
  readonly scripts?: readonly AssetName[] | undefined
  /** It shows a secret, and cannot be had again: no language is chosen there, the secret would be lost. */
  readonly isOnce?: true | undefined
  /** Stands above the flash of the last form. */
  readonly above?: HtmlValue
  readonly body: HtmlValue
}

export interface AlonePage {
  readonly title: string
  /** As of `AppPage`. */
  readonly isOnce?: true | undefined
  readonly width?: 'wide' | undefined
  readonly scripts?: readonly AssetName[] | undefined
  readonly body: HtmlValue
}

const PLACES = {
  services: { link: links.services, icon: icons.envelope },
  mailboxes: { link: links.mailboxes, icon: icons.envelope },
  people: { link: links.people, icon: icons.people },
  invitations: { link: links.invitations, icon: icons.link },
  activity: { link: links.activity, icon: icons.pulse },
  account: { link: links.account, icon: icons.shield },
} as const satisfies Readonly<Record<Place, { readonly link: string; readonly icon: Html }>>

export function appPage({ title, place, width, scripts = [], isOnce, above, body }: AppPage, m: Messages, page: PageContext): Html {
  const { reader } = page
  if (reader === undefined) return alonePage({ title, width: 'wide', scripts, isOnce, body: [above, showFlash(page.flash), body] }, m, page)
  return html`${documentHead(title, scripts, page)}
<body class="app"><a class="skip" href="#m">${m.frame.skip}</a>
${topBar(reader, m)}
<nav class="side" aria-label="${m.frame.main}"><ul>${reader.navigation.map(entry => navigationItem(entry.place, m.places[entry.place], entry.count, place, page))}</ul></nav>
<main id="m" tabindex="-1"><div class="page ${width}">${above}${showFlash(page.flash)}${body}
<footer class="foot"><span>${page.host}</span>${page.helpUrl !== undefined && html`<a href="${page.helpUrl}">${m.frame.help}</a>`}${isOnce !== true && languageChoice(page)}</footer></div></main>
<nav class="bottom" aria-label="${m.frame.mainShort}"><ul>${reader.navigation.map(entry => navigationItem(entry.place, m.placesShort[entry.place], undefined, place, page))}</ul></nav></body>
</html>`
}

export function alonePage({ title, width, scripts = [], isOnce, body }: AlonePage, m: Messages, page: PageContext): Html {
  return html`${documentHead(title, scripts, page)}
<body class="alone"><a class="skip" href="#m">${m.frame.skip}</a><header class="top-line"><a class="logo" href="${links.home}">${logo}<span>Mailwicket</span></a>${isOnce !== true && html`<nav class="small languages" aria-label="${m.frame.language}">${join(otherLanguages(page), ' · ')}</nav>`}</header>
<main id="m" tabindex="-1"><div class="box ${width}">${body}</div></main>
<footer class="small muted centred">${page.host}</footer></body>
</html>`
}

function documentHead(title: string, scripts: readonly AssetName[], page: PageContext): Html {
  return html`<!doctype html>
<html lang="${page.language}" dir="ltr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer"><meta name="robots" content="noindex"><meta name="color-scheme" content="light dark"><title>${title} · Mailwicket</title><link rel="stylesheet" href="${page.asset('portal.css')}"><link rel="icon" href="${page.asset('icon.svg')}" type="image/svg+xml">
${(['portal.js', ...scripts] as const).map(name => html`<script type="module" src="${page.asset(name)}"></script>`)}</head>`
}

function topBar(reader: Reader, m: Messages): Html {
  const searches = reader.navigation.some(({ place }) => place === 'services')
  return html`<header class="top"><a class="logo" href="${links.home}">${logo}<span>Mailwicket</span></a>${
    searches &&
    html`<form class="find" role="search" aria-label="${m.frame.everywhere}" action="${links.find}">${icons.search}<input type="search" name="q" aria-label="${m.frame.find}" placeholder="${m.frame.find}" autocomplete="off"></form>`
  }
<details class="menu push"><summary><span class="vh">${m.frame.accountMenu(reader.name)}</span>${face(reader)}</summary><div class="drop"><p class="who"><b>${bdi(reader.name)}</b><br><span class="small muted">${bdi(reader.login)}</span></p><hr><a href="${links.account}">${icons.shield}${m.places.account}</a><form method="post" action="${links.signOut}"><button>${icons.leave}${m.frame.signOut}</button></form></div></details></header>`
}

function navigationItem(entry: Place, label: string, count: number | undefined, current: Place | undefined, page: PageContext): Html {
  const { link, icon } = PLACES[entry]
  return html`<li><a href="${link}"${entry === current && html` aria-current="page"`}>${icon}<span>${label}</span>${count !== undefined && html`<span class="count">${page.formats.number(count)}</span>`}</a></li>`
}

function otherLanguages({ language: current, path }: PageContext): Html[] {
  const linkOf = (language: string): string => (path === undefined ? links.languageHere(language) : links.language(language, path))
  return LANGUAGES.filter(language => language !== current).map(
    language => html`<a href="${linkOf(language)}" lang="${language}" hreflang="${language}">${LANGUAGE_NAMES[language]}</a>`,
  )
}

const languageChoice = (page: PageContext): Html =>
  html`<span class="languages">${icons.globe} ${join([html`<span lang="${page.language}">${LANGUAGE_NAMES[page.language]}</span>`, ...otherLanguages(page)], ' · ')}</span>`

function showFlash(flash: Flash | undefined): HtmlValue {
  return (
    flash !== undefined &&
    note({ tone: flash.tone, icon: flash.tone === 'ok' ? icons.check : icons.warning, text: flash.text, role: flash.tone === 'ok' ? 'status' : 'alert' })
  )
}
