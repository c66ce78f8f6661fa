/** A request of the wire as pages see it: path, query, form, cookies, language. What is more or other than a page of ours sends is refused. */
import type { Context } from 'hono'
import type { RequestFacts } from '../../http/http-server.ts'
import { links } from '../links.ts'
import { makeFormats } from '../messages/formats.ts'
import { isLanguage, type Language, messagesOf, preferredLanguage } from '../messages/languages.ts'
import type { PageContext } from '../views/page-context.ts'
import { RequestCookies } from './cookies.ts'
import { FormValues } from './form-values.ts'
import type { PageRequest } from './page-request.ts'
import type { PortalServices } from './portal-services.ts'

/** What somebody likes; null: what the browser asks for, and UTC. */
export interface Likes {
  readonly language: Language | null
  readonly timeZone: string | null
}

export interface RequestParts extends Pick<PageRequest, 'resume' | 'formOf'> {
  readonly params: ReadonlyMap<string, string>
  readonly receivedAt: number
  /** Where a page like the answer is found again, with its query: another language is read there. */
  readonly shownAt: string
}

/** `isWhole` false: the body is none of a form of ours. */
export async function readRequest(
  context: Context<{ Bindings: RequestFacts }>,
  services: PortalServices,
  { params, resume, formOf, receivedAt, shownAt }: RequestParts,
): Promise<{ readonly request: PageRequest; readonly isWhole: boolean }> {
  const { req, env } = context
  const url = new URL(req.url)
  const cookies = new RequestCookies(req.header('cookie') ?? null, services.url)
  const language = languageOf(req, cookies)
  const body = req.method === 'POST' ? await readBody(context) : { form: FormValues.none, json: {} }
  const request: PageRequest = {
    services,
    method: req.method === 'POST' ? 'POST' : 'GET',
    path: url.pathname,
    param: name => params.get(name) ?? '',
    resume,
    formOf,
    query: url.searchParams,
    form: body?.form ?? FormValues.none,
    json: body?.json ?? {},
    isForm: req.method === 'POST' && typeOf(req) === FORM_TYPE,
    accept: /^application\/json\b/.test(req.header('accept') ?? '') ? 'json' : 'html',
    isOwnPage: ['same-origin', 'none'].includes(req.header('sec-fetch-site') ?? 'same-origin'),
    client: { ip: env.ip, agent: req.header('user-agent') ?? '', receivedAt },
    cookies,
    m: messagesOf(language),
    page: pageContext(services, { language, timeZone: null }, shownAt),
  }
  return { request, isWhole: body !== undefined }
}

/** Of a request that is refused before anything of it is read: enough for a page that says so. */
export function readVisitor({ req }: Context, services: PortalServices): Pick<PageRequest, 'm' | 'page' | 'path' | 'method'> {
  const language = languageOf(req, new RequestCookies(req.header('cookie') ?? null, services.url))
  const page = pageContext(services, { language, timeZone: null }, links.home)
  return { m: messagesOf(language), page, path: links.home, method: req.method === 'POST' ? 'POST' : 'GET' }
}

function languageOf(req: Context['req'], cookies: RequestCookies): Language {
  const asked = cookies.get('language')
  return asked !== undefined && isLanguage(asked) ? asked : preferredLanguage(req.header('accept-language'))
}

/** The same request in what its reader likes. */
export function inLikes(request: PageRequest, { language, timeZone }: Likes): Pick<PageRequest, 'm' | 'page'> {
  const chosen = language ?? request.page.language
  return { m: messagesOf(chosen), page: pageContext(request.services, { language: chosen, timeZone }, request.page.path) }
}

function pageContext(services: PortalServices, { language, timeZone }: Likes & { readonly language: Language }, path: string | undefined): PageContext {
  return {
    language,
    formats: makeFormats({ language, timeZone: timeZone ?? 'UTC', now: services.signIn.now() }),
    asset: name => services.assets.link(name),
    host: services.config().hostname,
    // SECURITY: a token stays out of links.
    path: path === undefined || /^\/(i|welcome)\//.test(path) ? undefined : path,
  }
}

const FORM_TYPE = 'application/x-www-form-urlencoded'
const typeOf = (req: Context['req']): string | undefined => req.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase()

/** Undefined: neither a form nor JSON, or more than a form of ours has. */
async function readBody({ req }: Context<{ Bindings: RequestFacts }>): Promise<Pick<PageRequest, 'form' | 'json'> | undefined> {
  const type = typeOf(req)
  const text = await req.text()
  if (type === 'application/json') return readJson(text)
  if (type !== FORM_TYPE) return text === '' ? { form: FormValues.none, json: {} } : undefined
  const form = FormValues.parse(text)
  return form === undefined ? undefined : { form, json: {} }
}

function readJson(text: string): Pick<PageRequest, 'form' | 'json'> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const pairs = Object.entries(value).flatMap(([name, one]) => (typeof one === 'string' ? [[name, one] as const] : []))
    return { json: value as Readonly<Record<string, unknown>>, form: new FormValues(pairs) }
  } catch {
    return undefined
  }
}
