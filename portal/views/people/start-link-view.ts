/** The link of a new start, shown once to whoever made it. */

import { type Html, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { PageContext } from '../page-context.ts'
import { copyLine } from '../parts/copy-line.ts'
import { note } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'

export interface StartLinkModel {
  readonly login: string
  readonly name: string
  readonly url: string
  readonly validUntil: number
  /** Where it was mailed to; undefined: it is only on this page. */
  readonly mailedTo?: string | undefined
}

export function startLinkView({ login, name, url, validUntil, mailedTo }: StartLinkModel, m: Messages, page: PageContext): Html {
  const body = html`${head({ title: m.people.startReady, sub: m.people.startFor(name) })}<section class="card pad flow">${copyLine({ id: 'start-link', label: m.invitations.link, value: url }, m)}<p class="small muted">${m.people.startValid(page.formats.moment(validUntil))}</p></section>${
    mailedTo !== undefined && note({ tone: 'ok', icon: icons.check, text: m.people.startMailed(mailedTo) })
  }${note({ icon: icons.shield, text: m.people.startWarning })}<div class="acts"><a class="btn primary" href="${links.person(login)}">${m.words.done}</a></div>`
  const above = crumbs(
    [{ label: m.people.title, href: links.people }, { label: html`<bdi>${name}</bdi>`, href: links.person(login) }, { label: m.people.newStart }],
    m,
  )
  return appPage({ title: m.people.startReady, place: 'people', width: 'slim', scripts: ['password.js'], isOnce: true, above, body }, m, page)
}
