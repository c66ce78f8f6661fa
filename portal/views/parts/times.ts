/** Times as elements: machine-readable, with the whole of it as a tool tip. `portal.js` keeps the relative ones fresh. */

import { type Html, html } from '../../html.ts'
import { capital } from '../../messages/formats.ts'
import type { PageContext } from '../page-context.ts'

const element = (at: number, text: string, page: PageContext): Html =>
  html`<time datetime="${new Date(at).toISOString()}" title="${page.formats.full(at)}">${text}</time>`

/** `data-ago`: its age in milliseconds by the server's clock. */
const fresh = (at: number, text: string, page: PageContext, first: Html | false = false): Html =>
  html`<time datetime="${new Date(at).toISOString()}" title="${page.formats.full(at)}" data-ago="${Math.max(0, page.formats.now - at)}"${first}>${text}</time>`

const HOUR = 3_600_000

/** 12 minutes ago; today, 08:12; yesterday, 17:31; 3 weeks ago */
export function when(at: number, page: PageContext): Html {
  const { formats } = page
  if (formats.now - at < HOUR) return fresh(at, formats.ago(at), page)
  return formats.daysSince(at) < 2 ? moment(at, page) : element(at, formats.ago(at), page)
}

/** The same at the beginning of a line. */
export function whenFirst(at: number, page: PageContext): Html {
  const { formats } = page
  if (formats.now - at < HOUR) return fresh(at, capital(formats.ago(at)), page, html` data-capital`)
  return element(at, capital(formats.daysSince(at) < 2 ? formats.moment(at) : formats.ago(at)), page)
}

/** today, 08:12; 21 Nov */
export const moment = (at: number, page: PageContext): Html => element(at, page.formats.moment(at), page)
export const day = (at: number, page: PageContext): Html => element(at, page.formats.day(at), page)
export const longDay = (at: number, page: PageContext): Html => element(at, page.formats.longDay(at), page)
export const clockTime = (at: number, page: PageContext): Html => element(at, page.formats.time(at), page)
/** in 3 days */
export const until = (at: number, page: PageContext): Html => element(at, page.formats.until(at), page)
