/**
 * What mail apps ask by themselves before anybody has signed in: Thunderbird's configuration, Outlook's Autodiscover, the document of PACC. They come by
 * names of the mail domains, not by the portal's, and without a page of ours; so these few paths are answered before its walls.
 *
 * SECURITY: for every address of a domain the same, whether there is such a mailbox or not, and never anything secret. Nothing is changed.
 */
import type { Context, MiddlewareHandler } from 'hono'
import { domainOf, normaliseAddress } from '../../../base/address.ts'
import { MailwicketError } from '../../../base/errors.ts'
import type { Log } from '../../../base/log.ts'
import { findHostName } from '../../../base/network.ts'
import type { Config } from '../../../config/config.ts'
import { PACC_PATH, paccDocument } from '../../../management/mailboxes/pacc.ts'
import type { OpenedStore } from '../../../store/open-store.ts'
import { formatAutodiscover, formatAutodiscoverError, parseAutodiscover } from './autodiscover.ts'
import { thunderbirdConfig } from './thunderbird-config.ts'

export interface AutoconfigurationParts {
  /** As it is in force now. */
  config(): Config
  readonly store: Pick<OpenedStore, 'as'>
  readonly log: Log
}

type Answer = (context: Context, parts: AutoconfigurationParts) => Promise<Response>

/** By path in lower case: Outlook spells its own in several ways. */
const ANSWERS: ReadonlyMap<string, { readonly methods: readonly string[]; readonly answer: Answer }> = new Map([
  ['/mail/config-v1.1.xml', { methods: ['GET', 'HEAD'], answer: answerThunderbird }],
  ['/.well-known/autoconfig/mail/config-v1.1.xml', { methods: ['GET', 'HEAD'], answer: answerThunderbird }],
  ['/autodiscover/autodiscover.xml', { methods: ['POST'], answer: answerOutlook }],
  [PACC_PATH, { methods: ['GET', 'HEAD'], answer: answerPacc }],
])

/** Long enough for a burst of set-ups, short enough for a change of the listeners. */
const CACHED = 'public, max-age=300'

export function autoconfiguration(parts: AutoconfigurationParts): MiddlewareHandler {
  return async (context, next) => {
    const found = ANSWERS.get(context.req.path.toLowerCase())
    if (found === undefined) return next()
    const { method } = context.req
    if (!found.methods.includes(method)) return context.text('Method not allowed.\n', 405, { allow: found.methods.join(', ') })
    try {
      const answer = await found.answer(context, parts)
      return method === 'HEAD' ? new Response(null, answer) : answer
    } catch (error) {
      if (!(error instanceof MailwicketError) || error.kind !== 'temporary') throw error
      parts.log.error('store.failed', { process: 'portal', path: context.req.path, err: error.message, code: error.code })
      return context.text('Try again in a moment.\n', 503, { 'retry-after': '5' })
    }
  }
}

async function answerThunderbird(context: Context, parts: AutoconfigurationParts): Promise<Response> {
  const asked = context.req.query('emailaddress')
  const domain = asked === undefined ? domainOfHost(context) : domainIn(asked)
  if (domain === undefined || !(await isServed(domain, parts))) return context.text('No settings for this domain.\n', 404)
  return context.body(thunderbirdConfig(parts.config(), domain), 200, { 'content-type': 'text/xml; charset=utf-8', 'cache-control': CACHED })
}

async function answerOutlook(context: Context, parts: AutoconfigurationParts): Promise<Response> {
  const request = parseAutodiscover(new Uint8Array(await context.req.arrayBuffer()))
  const answer = (text: string) => context.body(text, 200, { 'content-type': 'text/xml; charset=utf-8' })
  if ('refused' in request) return answer(formatAutodiscoverError(request.refused))
  if (!(await isServed(domainOf(request.address), parts))) return answer(formatAutodiscoverError(500))
  return answer(formatAutodiscover(parts.config(), request.address))
}

async function answerPacc(context: Context, { config }: AutoconfigurationParts): Promise<Response> {
  const document = paccDocument(config())
  if (document === undefined) return context.text('No settings.\n', 404)
  return context.body(document, 200, { 'content-type': 'application/json', 'cache-control': CACHED })
}

/** Apps ask for the address, or with a made-up name before the @, or for nothing but the domain. */
function domainIn(text: string): string | undefined {
  const address = normaliseAddress(text.includes('@') ? text : `x@${text}`)
  return address === undefined ? undefined : domainOf(address)
}

function domainOfHost(context: Context): string | undefined {
  const host = findHostName((context.req.header('host') ?? '').replace(/:\d+$/, ''))
  return host?.replace(/^autoconfig\./, '')
}

/** One that new mailboxes go to an upstream by, or one that has a mailbox. */
async function isServed(domain: string, { config, store }: AutoconfigurationParts): Promise<boolean> {
  if (config().upstreams.some(upstream => upstream.domains.includes(domain))) return true
  return (await store.as({ name: 'portal', source: 'portal' }).mailboxes.page({ limit: 1, filter: { domain } })).rows.length > 0
}
