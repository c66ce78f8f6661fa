/**
 * The template tag of every view: hono's, with types that catch what would otherwise be printed as `[object Object]` or `true`.
 *
 * Text is escaped, also inside attributes; what another template made is taken as it is. Nothing here or in a view marks a text as HTML by hand.
 */
import { html as honoHtml } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'

/** Escaped HTML. Answer with `c.html(…)`, or print it with `String(…)`. */
export type Html = HtmlEscapedString
/** What may stand in `${}`; `undefined`, `null` and `false` print nothing. */
export type HtmlValue = Html | string | number | false | null | undefined | readonly HtmlValue[]

/** Always a string: hono's tag gives a promise only where one was put in, which the type of the values forbids. */
export const html = honoHtml as (strings: TemplateStringsArray, ...values: HtmlValue[]) => Html

export const nothing: Html = html``

/** Puts something between the items: a space, ` · `, a line break. */
export function join(items: readonly HtmlValue[], between: HtmlValue): HtmlValue[] {
  return items.filter(item => item !== undefined && item !== null && item !== false && item !== '').flatMap((item, at) => (at === 0 ? [item] : [between, item]))
}

/** A name that a person gave: its own direction, whatever stands around it. */
export const bdi = (name: string): Html => html`<bdi>${name}</bdi>`

/** The same, standing out in a sentence. */
export const bold = (name: string): Html => html`<b><bdi>${name}</bdi></b>`
