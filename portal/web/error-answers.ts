/** What went wrong, as a page: by its code, in the reader's language, and never with the words of the error. */
import { randomUUID } from 'node:crypto'
import { domainOf, normaliseAddress } from '../../base/address.ts'
import { MailwicketError } from '../../base/errors.ts'
import { isProblem } from '../../base/problems.ts'
import { links } from '../links.ts'
import {
  type BadRequestModel,
  badRequestView,
  brokenView,
  notAllowedView,
  notFoundView,
  sessionOverView,
  tooManyView,
  tryAgainView,
} from '../views/errors/error-views.ts'
import { answerJson, seeOther, showPage } from './answers.ts'
import { DoneBefore, NoFormToken } from './once.ts'
import { nowOf, type PageRequest, type SignedInRequest } from './page-request.ts'
import { safePath } from './request-log.ts'
import { doneThen } from './said.ts'
import { sealKept } from './waiting-form.ts'

/** Never throws. */
export async function answerError(error: unknown, request: PageRequest): Promise<Response> {
  if (error instanceof DoneBefore) return error.to === null ? badRequest(request, 'once') : seeOther(error.to)
  if (error instanceof NoFormToken) return badRequest(request, 'form')
  if (error instanceof MailwicketError) {
    if (error.code === 'NOT_FOUND' || error.code === 'AMBIGUOUS_ID') return notFound(request)
    if (error.code === 'NOT_ALLOWED') return notAllowed(request)
    if (error.kind === 'temporary') return tryAgain(error, request)
    // Pages say what is wrong with a field themselves; what is left was made by no page of ours.
    if (isProblem(error) && error.reason === 'device.revoked' && isSignedIn(request)) return disconnectedMeanwhile(request)
    if (error.kind === 'usage') return badRequest(request, request.method === 'GET' ? 'address' : 'form')
  }
  return broken(error, request)
}

const isSignedIn = (request: PageRequest): request is SignedInRequest => 'session' in request

/** A button of a page that is older than the end of its device: the device's page shows how it is now. */
function disconnectedMeanwhile(request: SignedInRequest): Response {
  return doneThen(request, links.device(request.param('m'), request.param('d')), 'deviceGone')
}

export function notFound({ m, page }: PageRequest): Response {
  return showPage(notFoundView(m, page), { status: 404 })
}

export async function notAllowed(request: PageRequest): Promise<Response> {
  return showPage(notAllowedView({ ask: await whomToAsk(request) }, request.m, request.page), { status: 403 })
}

/** Who manages the domain that this page is about: whoever is not allowed sees the mailbox, so they may know. */
async function whomToAsk(request: PageRequest): Promise<{ readonly name: string; readonly domain: string } | undefined> {
  const address = normaliseAddress(request.param('m'))
  if (address === undefined) return undefined
  const domain = domainOf(address)
  const [manager] = await request.services.store.as({ name: '', source: 'portal' }).roles.list({ domain })
  return manager === undefined ? undefined : { name: manager.name ?? manager.user, domain }
}

const REFUSED = { address: 400, method: 405, host: 421, origin: 403, size: 413, form: 400, once: 400 } as const satisfies Record<BadRequestModel['why'], number>

/** For whoever is not looked at any further. `back`: where to go on. */
export function badRequest(
  { m, page, path, method }: Pick<PageRequest, 'm' | 'page' | 'path' | 'method'>,
  why: BadRequestModel['why'],
  back = method === 'GET' ? path : links.home,
): Response {
  const response = showPage(badRequestView({ why, back }, m, page), { status: REFUSED[why] })
  // The rest of the body is not read: nothing can follow it.
  if (why === 'size') response.headers.set('connection', 'close')
  return response
}

/** RFC 9110 §15.5.6: there is something, but not for this method. */
export function notWithThat(request: PageRequest, allowed: readonly string[]): Response {
  const response = badRequest(request, 'method', request.page.path ?? links.home)
  response.headers.set('allow', allowed.join(', '))
  return response
}

export function tooMany({ m, page }: PageRequest, retryAfterSeconds: number, back: string): Response {
  const response = showPage(tooManyView({ retryAfterSeconds, back }, m, page), { status: 429 })
  response.headers.set('retry-after', String(retryAfterSeconds))
  return response
}

/** Nobody is signed in, or no longer: a page leads through the sign-in and back, a form is kept. `to`: the page with the form. */
export function signInFirst(request: PageRequest, to: string): Response {
  if (request.services.assets.find(request.path) === undefined && wantsJson(request))
    return answerJson({ problem: request.m.errors.sessionOver }, { status: 401 })
  if (request.method === 'GET') return seeOther(`${links.signIn}?${new URLSearchParams({ to })}`)
  const kept = request.form.isEmpty ? undefined : sealKept(request, to, request.form)
  return showPage(sessionOverView({ to, kept }, request.m, request.page), { status: 401 })
}

export const wantsJson = ({ accept }: PageRequest): boolean => accept === 'json'

function tryAgain(error: MailwicketError, request: PageRequest): Response {
  const reference = note(request, 'store.failed', error)
  const response = showPage(tryAgainView({ reference, at: nowOf(request), again: againOf(request) }, request.m, request.page), { status: 503 })
  response.headers.set('retry-after', '5')
  return response
}

function broken(error: unknown, request: PageRequest): Response {
  const reference = note(request, 'bug', error)
  return showPage(brokenView({ reference, at: nowOf(request), again: againOf(request) }, request.m, request.page), { status: 500 })
}

/** '' is the address of this page, whatever it is. */
const againOf = ({ method }: PageRequest): string => (method === 'GET' ? '' : links.home)

/** Gives the reference by which whoever looks after the server finds the line. */
function note(request: PageRequest, event: 'store.failed' | 'bug', error: unknown): string {
  const reference = randomUUID().slice(0, 8)
  const { message, stack } = error as Error
  const code = error instanceof MailwicketError ? { code: error.code } : { stack }
  const user = isSignedIn(request) ? { user: request.session.user.login } : {}
  request.services.log.error(event, { process: 'portal', reference, method: request.method, path: safePath(request.path), ...user, err: message, ...code })
  return reference
}
