/** What the HTTP API offers, for whoever writes a script: routes from the OpenAPI document, the rules, and a first line to try. */

import type { TokenScope } from '../../../store/schema/rights-and-scopes.ts'
import { type Html, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { alonePage, appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { PageContext } from '../page-context.ts'
import { chip } from '../parts/names.ts'
import { crumbs, head } from '../parts/page-head.ts'

export interface ApiModel {
  /** https://devices.example.test */
  readonly baseUrl: string
  /** By resource, in the order of the document. */
  readonly resources: readonly { readonly title: string; readonly routes: readonly ApiRoute[] }[]
}

export interface ApiRoute {
  readonly method: string
  readonly path: string
  /** From the OpenAPI document, in English. */
  readonly summary: string
  /** That a token must have. */
  readonly scope?: TokenScope | undefined
}

export function apiView({ baseUrl, resources }: ApiModel, m: Messages, page: PageContext): Html {
  const row = ({ method, path, summary, scope }: ApiRoute) =>
    html`<li><code class="method ${method.toLowerCase()}">${method}</code><div class="what"><code>${path}</code><div class="meta"><span lang="en">${summary}</span></div></div><span class="small soft">${scope !== undefined && chip(m.tokens.scopes[scope].label)}</span></li>`
  const body = html`${head({
    title: m.api.title,
    sub: m.api.sub,
    acts: html`<div class="acts keep"><a class="btn" href="${links.openApi}">${icons.download}OpenAPI 3.1</a>${page.reader !== undefined && html`<a class="btn primary" href="${links.accountTokens}">${icons.key}${m.tokens.title}</a>`}</div>`,
  })}
<section class="card pad flow"><h2>${m.api.first}</h2><pre class="sample"><code>curl -H "Authorization: Bearer $TOKEN" ${baseUrl}/api/v1/me</code></pre><ul class="bullets">${m.api.rules.map(rule => html`<li>${rule}</li>`)}</ul></section>
${resources.map(({ title, routes }) => html`<section class="card"><header><h2>${title}</h2></header><ul class="rows api">${routes.map(row)}</ul></section>`)}`
  const above = crumbs([{ label: m.account.title, href: links.account }, { label: m.tokens.title, href: links.accountTokens }, { label: m.api.title }], m)
  return page.reader === undefined
    ? alonePage({ title: m.api.title, width: 'wide', body }, m, page)
    : appPage({ title: m.api.title, place: 'account', above, body }, m, page)
}
