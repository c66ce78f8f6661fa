/** The head and the tabs that the five pages of a mailbox share. */

import { showAddress, unicodeDomain } from '../../addresses.ts'
import { type Html, type HtmlValue, html, join } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import type { PageContext } from '../page-context.ts'
import { type Crumb, crumbs, head, tabs } from '../parts/page-head.ts'

export type MailboxTab = 'overview' | 'devices' | 'users' | 'activity' | 'settings'

export interface MailboxHead {
  readonly address: string
  readonly note: string
  readonly aliases: number
  readonly paused: boolean
  readonly devices: number
  /** Undefined: the reader may not see them. */
  readonly users?: number | undefined
  /** The tabs that the reader may open. */
  readonly tabs: readonly MailboxTab[]
  /** The reader sees whole mail services; undefined: they come from their own mailboxes. */
  readonly domain?: string | undefined
}

const LINKS = {
  overview: links.mailbox,
  devices: links.devices,
  users: links.mailboxUsers,
  activity: links.mailboxActivity,
  settings: links.mailboxSettings,
} as const satisfies Readonly<Record<MailboxTab, (address: string) => string>>

export const placeOf = (mailbox: Pick<MailboxHead, 'domain'>): 'services' | 'mailboxes' => (mailbox.domain === undefined ? 'mailboxes' : 'services')

/** The way to a mailbox; its own name last, unless the page lies below it. */
export function mailboxCrumbs({ address, domain }: Pick<MailboxHead, 'address' | 'domain'>, below: readonly Crumb[], m: Messages): Html {
  const up: Crumb[] =
    domain === undefined
      ? [{ label: m.places.mailboxes, href: links.mailboxes }]
      : [
          { label: m.services.title, href: links.services },
          { label: html`<bdi>${unicodeDomain(domain)}</bdi>`, href: links.service(domain) },
        ]
  return crumbs([...up, { label: showAddress(address), ...(below.length > 0 && { href: links.devices(address) }) }, ...below], m)
}

export function mailboxHead(mailbox: MailboxHead, current: MailboxTab, m: Messages, page: PageContext, acts?: HtmlValue): Html {
  const { formats } = page
  const counts: Partial<Record<MailboxTab, number | undefined>> = { devices: mailbox.devices, users: mailbox.users }
  const sub = join(
    [
      mailbox.note !== '' && html`<bdi>${mailbox.note}</bdi>`,
      mailbox.aliases > 0 && m.mailbox.aliases(mailbox.aliases),
      mailbox.paused && html`<b>${m.mailbox.pausedNow}</b>`,
    ],
    ' · ',
  )
  return html`${head({ title: showAddress(mailbox.address), ...(sub.length > 0 && { sub }), acts })}${tabs(
    m.mailbox.title,
    mailbox.tabs.map(tab => {
      const count = counts[tab]
      return {
        label: m.mailbox.tabs[tab],
        href: LINKS[tab](mailbox.address),
        current: tab === current,
        ...(count !== undefined && count > 0 && { count: formats.number(count) }),
      }
    }),
  )}`
}
