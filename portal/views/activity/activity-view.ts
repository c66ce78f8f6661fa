/** Activity of all that the reader may see, and of one mailbox: filters in the address, CSV of the same. */

import { type Html, type HtmlValue, html } from '../../html.ts'
import { links, withQuery } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import { type MailboxHead, mailboxCrumbs, mailboxHead, placeOf } from '../mailboxes/mailbox-head.ts'
import type { PageContext } from '../page-context.ts'
import { textField } from '../parts/forms.ts'
import { filters } from '../parts/lists.ts'
import { emptyState } from '../parts/notes.ts'
import { head } from '../parts/page-head.ts'
import { type ActivityEntry, activityRows } from './activity-rows.ts'

export type ActivityKind = 'all' | 'connections' | 'refused' | 'new' | 'changes'
const KINDS: readonly ActivityKind[] = ['all', 'connections', 'refused', 'new', 'changes']

/** As they stand in the address: `q`, `network`, `from` and `until` (YYYY-MM-DD, both included), `kind`, `before` (a cursor). */
export interface ActivityFilters {
  readonly q: string
  readonly network: string
  readonly from: string
  readonly until: string
  readonly kind: ActivityKind
}

export interface ActivityModel {
  readonly filters: ActivityFilters
  /** By field, in the reader's language. */
  readonly errors?: Partial<Readonly<Record<'network' | 'from' | 'until', string>>> | undefined
  /** Newest first. */
  readonly entries: readonly ActivityEntry[]
  /** Cursor of the next page. */
  readonly before?: string | undefined
  /** How long attempts are kept. */
  readonly keptDays: number
}

const queryOf = ({ q, network, from, until, kind }: ActivityFilters): Record<string, string> => ({ q, network, from, until, kind: kind === 'all' ? '' : kind })

export function activityView(model: ActivityModel, m: Messages, page: PageContext): Html {
  const query = queryOf(model.filters)
  const state = { errors: model.errors, values: model.filters as unknown as Record<string, string> }
  const fields = html`<div class="two four">${textField({ name: 'q', label: m.activity.find, type: 'search', placeholder: m.activity.findAll, maxLength: 200, autocomplete: 'off' }, state)}${textField({ name: 'network', label: m.activity.network, placeholder: '203.0.113.0/24', maxLength: 60, literal: true }, state)}${textField({ name: 'from', label: m.activity.from, type: 'date' }, state)}${textField({ name: 'until', label: m.activity.until, type: 'date' }, state)}</div>`
  const csv = html`<a class="btn" href="${withQuery(links.activityCsv, query)}">${icons.download}CSV</a>`
  const body = html`${head({ title: m.activity.title, sub: m.activity.sub(model.keptDays), acts: csv })}
<form class="card pad" role="search" action="${links.activity}" aria-label="${m.activity.filter}" novalidate>${fields}${query.kind !== '' && html`<input type="hidden" name="kind" value="${query.kind}">`}<div class="acts"><button class="btn">${icons.search}${m.activity.show}</button>${kindFilters(links.activity, model.filters, m)}</div></form>
${entryList(model, links.activity, m, page)}`
  return appPage({ title: m.activity.title, place: 'activity', body }, m, page)
}

export function mailboxActivityView(model: ActivityModel & { readonly mailbox: MailboxHead }, m: Messages, page: PageContext): Html {
  const { mailbox } = model
  const path = links.mailboxActivity(mailbox.address)
  const csv = html`<a class="push" href="${withQuery(links.mailboxActivityCsv(mailbox.address), queryOf(model.filters))}">${icons.download} CSV</a>`
  const body = html`${mailboxHead(mailbox, 'activity', m, page)}${kindFilters(path, model.filters, m, csv)}${entryList(model, path, m, page)}`
  return appPage(
    { title: m.mailbox.pageTitle(m.mailbox.tabs.activity, mailbox.address), place: placeOf(mailbox), above: mailboxCrumbs(mailbox, [], m), body },
    m,
    page,
  )
}

function kindFilters(path: string, chosen: ActivityFilters, m: Messages, after?: HtmlValue): Html {
  return filters(
    m.activity.kind,
    KINDS.map(kind => ({ label: m.activity.kinds[kind], href: withQuery(path, queryOf({ ...chosen, kind })), current: kind === chosen.kind })),
    after,
  )
}

function entryList({ entries, before, filters: chosen }: ActivityModel, path: string, m: Messages, page: PageContext): Html {
  const next = before === undefined ? undefined : withQuery(path, { ...queryOf(chosen), before })
  const list =
    entries.length === 0
      ? emptyState({ title: m.activity.noneTitle, text: m.activity.none })
      : html`<section class="card" aria-label="${m.activity.title}"><ul class="rows act">${activityRows(entries, m, page)}</ul></section>`
  return html`${list}${
    next !== undefined &&
    html`<nav class="pager" aria-label="${m.frame.pages}"><a class="btn s" href="${next}" rel="next">${m.activity.earlier}${icons.next}</a></nav>`
  }`
}
