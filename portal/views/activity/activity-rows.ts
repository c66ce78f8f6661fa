/** What happened, a line each: connections, refusals, sent messages, new networks and apps, changes. Repeats are one line with their number. */

import { showAddress } from '../../addresses.ts'
import { bold, type Html, type HtmlValue, html, join } from '../../html.ts'
import type { ChangeWord } from '../../messages/change-words.ts'
import type { Messages } from '../../messages/en.ts'
import { capital } from '../../messages/formats.ts'
import { type IconName, icons } from '../icons.ts'
import type { PageContext } from '../page-context.ts'
import { clockTime, moment } from '../parts/times.ts'

interface AppEntry {
  /** The latest of them. */
  readonly at: number
  readonly count: number
  /** The first of them, when there are several. */
  readonly firstAt?: number | undefined
  readonly mailbox: string
  /** Its name; null: it is gone, or none was found. */
  readonly device: string | null
  /** Link to it; undefined: the reader may not see it. */
  readonly href?: string | undefined
  readonly app: string | null
  readonly ip: string
}

export type ActivityEntry =
  | (AppEntry & { readonly kind: 'connected' })
  | (AppEntry & { readonly kind: 'new-network' })
  | (AppEntry & { readonly kind: 'new-app' })
  | (AppEntry & { readonly kind: 'sent'; readonly recipients: number })
  /** `reason`: the word of the log; those that have no sentence of their own are shown as they are. */
  | (AppEntry & { readonly kind: 'refused'; readonly reason: string; readonly endedAt?: number | undefined })
  | RefusedBlock
  | ChangeEntry

/** Many wrong tries from one network. */
export interface RefusedBlock {
  readonly kind: 'refused-block'
  readonly at: number
  readonly firstAt: number
  readonly count: number
  readonly addresses: number
  readonly network: string
  readonly blockedSince?: number | undefined
  /** All of them. */
  readonly href?: string | undefined
}

export interface ChangeEntry {
  readonly kind: 'change'
  readonly at: number
  /** Name of the person, or of the program. */
  readonly actor: string
  /** Where it was done. */
  readonly through: 'portal' | 'api' | 'command-line' | 'gateway'
  /** Word of the audit: `device.revoked`, … */
  readonly action: string
  /** What was changed, by its name or address. */
  readonly subject: string
  readonly mailbox?: string | undefined
  /** In words already (a number of ended sessions, an end): from `messages.changeFacts`. */
  readonly facts?: readonly string[] | undefined
  /** The other facts, in the reader's language, before and after. */
  readonly details?: readonly ChangeDetail[] | undefined
}

export interface ChangeDetail {
  /** From `messages.factLabels`. */
  readonly label: string
  readonly was: string | null
  readonly is: string | null
}

/** Whether days stand above the rows, or in them. */
export type DayPlace = 'above' | 'with-day'

export function activityRows(entries: readonly ActivityEntry[], m: Messages, page: PageContext): Html[] {
  let day: string | undefined
  return entries.flatMap(entry => {
    const today = page.formats.isoDay(entry.at)
    const heading = today === day ? [] : [html`<li class="day">${capital(page.formats.weekday(entry.at))}</li>`]
    day = today
    return [...heading, activityRow(entry, m, page)]
  })
}

function activityRow(entry: ActivityEntry, m: Messages, page: PageContext): Html {
  const { activity } = m
  if (entry.kind === 'change') return changeRow(entry, 'above', m, page)
  if (entry.kind === 'refused-block') {
    const meta = [
      html`<span>${activity.fromNetwork(entry.network)}</span>`,
      html`<span>${activity.wrongAny}</span>`,
      entry.href !== undefined && html`<a href="${entry.href}">${activity.showAll}</a>`,
    ]
    const times = html`<time datetime="${new Date(entry.firstAt).toISOString()}">${page.formats.time(entry.firstAt)}–${page.formats.time(entry.at)}</time>`
    return row(
      times,
      'cross',
      'r',
      activity.refusedBlock(entry.count, entry.addresses),
      meta,
      entry.blockedSince !== undefined && activity.blockedSince(page.formats.time(entry.blockedSince)),
    )
  }
  const name = deviceName(entry, m)
  const meta = [showAddress(entry.mailbox), entry.app !== null && html`<bdi>${entry.app}</bdi>`, html`<span>${entry.ip}</span>`]
  const times =
    entry.count > 1 &&
    (entry.firstAt === undefined
      ? m.words.times(entry.count)
      : activity.timesSince(entry.count, page.formats.daysSince(entry.firstAt) === 0 ? page.formats.time(entry.firstAt) : page.formats.moment(entry.firstAt)))
  const time = clockTime(entry.at, page)
  if (entry.kind === 'connected') return row(time, 'inbox', '', activity.connected(name), meta, times)
  if (entry.kind === 'sent')
    return row(time, 'send', '', activity.sent(name), [meta[0], html`<span>${activity.recipients(entry.recipients)}</span>`, meta[2]], times)
  if (entry.kind === 'new-network') return row(time, 'place', 'y', activity.newNetwork(name), meta, activity.newNetworkShort)
  if (entry.kind === 'new-app') return row(time, 'phone', 'y', activity.newApp(name, entry.app), meta, activity.newAppShort)
  const ended = entry.reason === 'expired' && entry.endedAt !== undefined
  const reason = ended && entry.endedAt !== undefined ? activity.itEndedOn(page.formats.day(entry.endedAt)) : reasonWords(entry.reason, m)
  return row(time, ended ? 'clock' : 'cross', 'r', activity.refused(name, reason), meta, times)
}

const deviceName = (entry: AppEntry, m: Messages): Html => {
  if (entry.device === null) return html`<b>${m.activity.someApp}</b>`
  return entry.href === undefined ? bold(entry.device) : html`<a class="name" href="${entry.href}"><bdi>${entry.device}</bdi></a>`
}

/** Own keys only: the word comes from the store. */
export const reasonWords = (reason: string, m: Messages): string => (Object.hasOwn(m.reasons, reason) ? (m.reasons[reason] ?? reason) : reason)

type Dot = '' | 'y' | 'r' | 'n'

function row(time: Html, icon: IconName, dot: Dot, what: HtmlValue, meta: readonly HtmlValue[], end: HtmlValue): Html {
  return html`<li>${time}<span class="dot ${dot}">${icons[icon]}</span><div class="what tight">${what}<div class="meta">${meta}</div></div><span class="end small soft">${end}</span></li>`
}

const ACTION_ICONS: Readonly<Record<string, readonly [IconName, Dot]>> = {
  'device.added': ['plus', ''],
  'device.revoked': ['unplug', 'n'],
  'device.password': ['key', 'y'],
  'device.disabled': ['power', 'y'],
  'device.enabled': ['power', ''],
  'mailbox.added': ['plus', ''],
  'mailbox.removed': ['bin', 'n'],
  'user.added': ['people', ''],
  'user.blocked': ['power', 'r'],
  'invitation.added': ['link', 'n'],
  'invitation.accepted': ['check', ''],
  'invitation.revoked': ['link', 'n'],
}

/** One change: who, what, and through which way. */
export function changeRow(entry: ChangeEntry, days: DayPlace, m: Messages, page: PageContext): Html {
  const [icon, dot] = (Object.hasOwn(ACTION_ICONS, entry.action) ? ACTION_ICONS[entry.action] : undefined) ?? ['pen', 'y']
  const sentence = Object.hasOwn(m.changes, entry.action) ? m.changes[entry.action as ChangeWord] : undefined
  const what = sentence === undefined ? m.activity.otherChange(entry.actor, entry.subject) : sentence(entry.actor, entry.subject)
  const details = (entry.details ?? []).map(
    ({ label, was, is }) =>
      html`<span class="detail">${label}: ${was !== null && html`<del><bdi>${was}</bdi></del>${is !== null && ' → '}`}${is !== null && html`<ins><bdi>${is}</bdi></ins>`}</span>`,
  )
  const meta = [
    entry.mailbox !== undefined && showAddress(entry.mailbox),
    ...(entry.facts ?? []).map(fact => html`<span>${fact}</span>`),
    html`<span>${m.activity.through[entry.through]}</span>`,
    ...details,
  ]
  return row(days === 'above' ? clockTime(entry.at, page) : moment(entry.at, page), icon, dot, what, join(meta, ' '), days === 'above' && m.activity.change)
}
