/** API tokens: the list, a new one, and the token shown once. */

import { TOKEN_SCOPES, type TokenScope } from '../../../store/schema/rights-and-scopes.ts'
import { showAddress } from '../../addresses.ts'
import { bdi, bold, type Html, type HtmlValue, html } from '../../html.ts'
import { links } from '../../links.ts'
import type { Messages } from '../../messages/en.ts'
import { appPage } from '../frame/layout.ts'
import { icons } from '../icons.ts'
import type { FormState, PageContext } from '../page-context.ts'
import { copyLine } from '../parts/copy-line.ts'
import { cancel, checkCards, form, guards, submit, textField } from '../parts/forms.ts'
import { menuPost, rowMenu } from '../parts/lists.ts'
import { chip, tile } from '../parts/names.ts'
import { emptyState, note } from '../parts/notes.ts'
import { crumbs, head } from '../parts/page-head.ts'

export interface TokenRow {
  readonly id: string
  readonly name: string
  /** `mwt_8kq2`; the page adds the dots. */
  readonly start: string
  readonly scopes: readonly TokenScope[]
  /** Empty: all that its owner may. */
  readonly domains: readonly string[]
  /** Empty: everywhere. */
  readonly networks: readonly string[]
  readonly endsAt: number | null
  readonly used: { readonly at: number; readonly ip: string } | null
  readonly ended: boolean
}

export interface TokensModel {
  readonly tokens: readonly TokenRow[]
  readonly acts: FormState
}

const accountCrumbs = (m: Messages, here?: HtmlValue): Html =>
  crumbs(
    [
      { label: m.account.title, href: links.account },
      here === undefined ? { label: m.tokens.title } : { label: m.tokens.title, href: links.accountTokens },
      ...(here === undefined ? [] : [{ label: here }]),
    ],
    m,
  )

export function tokensView({ tokens, acts }: TokensModel, m: Messages, page: PageContext): Html {
  const add = html`<a class="btn primary" href="${links.addToken}">${icons.plus}${m.tokens.new}</a>`
  const list =
    tokens.length === 0
      ? emptyState({ title: m.tokens.noneTitle, text: m.tokens.none, acts: add })
      : html`<section class="card" aria-label="${m.tokens.title}"><ul class="rows inv">${tokens.map(token => tokenRow(token, acts, m, page))}</ul></section>`
  const body = html`${head({ title: m.tokens.title, sub: html`${m.tokens.sub} <a href="${links.api}">${m.tokens.how}</a>`, acts: add })}${list}`
  return appPage({ title: m.tokens.title, place: 'account', above: accountCrumbs(m), body }, m, page)
}

/** A token that makes passwords or moves people is worth a second look. */
const isStrong = (scopes: readonly TokenScope[]): boolean => scopes.includes('passwords') || scopes.includes('people')

const WEEK_MS = 7 * 86_400_000

function tokenRow(token: TokenRow, acts: FormState, m: Messages, page: PageContext): Html {
  const { formats } = page
  const chips = [
    ...token.scopes.map(scope => chip(m.tokens.scopeChips[scope], scope === 'passwords' || scope === 'people' ? 'y' : undefined)),
    ...token.domains.map(domain => chip(showAddress(domain))),
    token.networks.length > 0 && chip(m.devices.from(token.networks)),
  ]
  const used = token.used === null ? m.passkeys.neverUsed : m.tokens.usedFrom(formats.ago(token.used.at), token.used.ip)
  const ends = () => {
    if (token.endsAt === null) return m.devices.noEnd
    if (token.ended) return chip(m.devices.endedOn(formats.day(token.endsAt)), 'r', icons.clock)
    return m.tokens.ends(token.endsAt - formats.now < WEEK_MS ? formats.until(token.endsAt) : formats.day(token.endsAt))
  }
  const menu = rowMenu(m.devices.actionsFor(token.name), [menuPost(links.tokenRevoke(token.id), icons.cross, m.tokens.revoke, 'red', guards(acts))])
  return html`<li>${tile(icons.key, token.ended ? 'off' : isStrong(token.scopes) ? 'y' : undefined)}<div class="what">${bold(token.name)}<div class="meta">${chips}<code>${token.start}…</code></div></div><div class="mid small soft">${used}<div class="muted">${ends()}</div></div>${menu}</li>`
}

export interface AddTokenModel {
  /** Fields `name`, each scope (`on`), `domains` and `networks` (one a line), `ends` (YYYY-MM-DD). */
  readonly form: FormState<'name' | TokenScope | 'domains' | 'networks' | 'ends'>
  readonly suggestedEnd: string
  readonly clientAddress: string
}

export function addTokenView({ form: state, suggestedEnd, clientAddress }: AddTokenModel, m: Messages, page: PageContext): Html {
  const scopes = TOKEN_SCOPES.map(value => ({ value, ...m.tokens.scopes[value], checked: value === 'read' }))
  const fields = html`${textField({ name: 'name', label: m.devices.name, hint: m.tokens.nameHint, required: true, maxLength: 100, autocomplete: 'off', focus: true }, state)}${checkCards(m.tokens.may, scopes, state)}<div class="two">${textField({ name: 'domains', label: m.tokens.domains, aside: m.tokens.domainsEmpty, rows: 2, literal: true, placeholder: 'example.test' }, state)}${textField({ name: 'networks', label: m.devices.networksLabel, aside: m.devices.networksEmpty, rows: 2, literal: true, placeholder: '203.0.113.0/24', hint: m.tokens.networksHint(clientAddress) }, state)}</div>${textField({ name: 'ends', label: m.devices.ends, type: 'date', value: suggestedEnd, hint: m.tokens.endHint }, state)}`
  const body = html`${head({ title: m.tokens.new, sub: m.tokens.newAbout })}${form({ action: links.accountTokens, state, look: 'card pad', fields, acts: [submit(m.tokens.make), cancel(links.accountTokens, m.words.cancel)] }, m)}`
  return appPage({ title: m.tokens.new, place: 'account', width: 'slim', above: accountCrumbs(m, m.tokens.new), body }, m, page)
}

export interface TokenShownModel {
  readonly name: string
  readonly token: string
  /** An example line to paste, with `$TOKEN` in place of the token. */
  readonly baseUrl: string
}

export function tokenShownView({ name, token, baseUrl }: TokenShownModel, m: Messages, page: PageContext): Html {
  const body = html`${head({ title: m.tokens.ready, sub: m.password.forToken(name) })}<section class="card pad flow">${copyLine({ id: 'api-token', label: m.tokens.token, value: token }, m)}<p class="small muted">${m.tokens.once}</p><p class="small soft">${m.tokens.tryIt}</p><pre class="sample"><code>curl -H "Authorization: Bearer $TOKEN" ${baseUrl}/api/v1/me</code></pre></section>${note({ icon: icons.shield, text: m.tokens.warning })}<div class="acts"><a class="btn primary" href="${links.accountTokens}">${m.words.done}</a></div>`
  return appPage(
    { title: m.tokens.ready, place: 'account', width: 'slim', scripts: ['password.js'], isOnce: true, above: accountCrumbs(m, bdi(name)), body },
    m,
    page,
  )
}
