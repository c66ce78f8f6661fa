/** Who you are, once more: the page that a form waits behind, and what carries the form out when the answer is right. */
import { Secret } from '../../../base/secret.ts'
import { links } from '../../links.ts'
import { type Confirmation, confirm } from '../../sign-in/confirmation.ts'
import { askToProve } from '../../sign-in/passkeys.ts'
import { confirmView } from '../../views/account/confirm-view.ts'
import type { NavigationEntry, Place } from '../../views/page-context.ts'
import { addCookies, answerJson, seeOther, showPage } from '../../web/answers.ts'
import { badRequest, signInFirst, tooMany } from '../../web/error-answers.ts'
import { askedAt, type SignedInRequest, type Waiting } from '../../web/page-request.ts'
import { openWaiting, sealKept, sealWaiting } from '../../web/waiting-form.ts'
import { readAnswer } from '../passkey-answer.ts'

/** `formPath`: where the form is shown. A form with a secret in it does not wait: it comes back filled in, without the secret. */
export function askConfirmation(request: SignedInRequest, before: 'password' | 'rights', formPath: string): Promise<Response> {
  const { method, form } = request
  const waits: Waiting = method === 'POST' && form.hasSecret ? { method: 'GET', path: formPath, form } : { method, path: askedAt(request), form }
  return showConfirm(request, { before, waiting: sealWaiting(request, waits), back: formPath })
}

interface Asked {
  readonly before: 'password' | 'rights'
  readonly waiting: string
  readonly back: string
  readonly error?: string
}

async function showConfirm(request: SignedInRequest, { before, waiting, back, error }: Asked): Promise<Response> {
  const { services, session, actor, m, page } = request
  const { login, name } = session.user
  const record = await services.store.as({ name: login, source: actor.source }).credentials.find(login)
  const address = decodeURIComponent(/^\/m\/([^/]+)/.exec(back)?.[1] ?? '')
  const model = {
    person: { login, name: name ?? login },
    form: error === undefined ? {} : { errors: { password: error } },
    waiting,
    passkey: (record?.passkeys ?? 0) > 0,
    password: record?.phc != null,
    before,
    back,
    crumbs: address === '' ? [] : [{ label: address, href: links.devices(address) }],
    place: placeIn(page.reader?.navigation ?? [], back),
  }
  return showPage(confirmView(model, m, page), { status: error === undefined ? 200 : 422 })
}

/** A mailbox lies under the mail services, or under one's own mailboxes. */
function placeIn(navigation: readonly NavigationEntry[], path: string): Place {
  const places = navigation.map(({ place }) => place)
  const [mailboxes] = places
  if (path.startsWith('/m/') && mailboxes !== undefined) return mailboxes
  return places.find(place => path.startsWith(`/${place}`)) ?? 'account'
}

/** POST /confirm: with the password. */
export async function confirmWithPassword(request: SignedInRequest): Promise<Response> {
  const waiting = openWaiting(request, request.form.text('waiting'))
  if (waiting === undefined) return badRequest(request, 'form')
  const outcome = await tryToConfirm(request, { with: 'password', password: Secret.fromText(request.form.text('password')) })
  if (outcome instanceof Response) return outcome
  if (outcome === undefined)
    return showConfirm(request, {
      before: request.form.text('before') === 'password' ? 'password' : 'rights',
      waiting: request.form.text('waiting'),
      back: request.formOf(waiting),
      error: request.m.problems.confirm,
    })
  return goOn(outcome, waiting)
}

/** POST /confirm/passkey/options */
export async function confirmPasskeyOptions(request: SignedInRequest): Promise<Response> {
  const { services, session, cookies } = request
  const known = await services.store.as({ name: '', source: request.actor.source }).passkeys.list(session.user.login)
  const { options, challenge } = await askToProve(services.signIn, { for: 'confirm', session: session.id }, known)
  return answerJson(options, { cookies: [cookies.set('challenge', challenge)] })
}

/** POST /confirm/passkey: a script of ours asks, and then goes where the answer says. */
export async function confirmWithPasskey(request: SignedInRequest): Promise<Response> {
  const waiting = openWaiting(request, request.form.text('waiting'))
  const answer = readAnswer(request)
  if (waiting === undefined || answer === undefined) return answerJson({ problem: request.m.problems.passkey })
  const outcome = await tryToConfirm(request, { with: 'passkey', ...answer })
  if (outcome instanceof Response) return answerJson({ problem: request.m.passkeys.failed })
  if (outcome === undefined) return answerJson({ problem: request.m.problems.passkey })
  const done = await goOn(outcome, waiting)
  const to = done.headers.get('location')
  // The form did not fit any more: its page says what is wrong, when it is opened anew.
  return answerJson({ to: to ?? request.formOf(waiting) }, { cookies: done.headers.getSetCookie() })
}

/** The request as it goes on; undefined: that was wrong. */
async function tryToConfirm(request: SignedInRequest, confirmation: Confirmation): Promise<SignedInRequest | undefined | Response> {
  const { services, session, token, client } = request
  const outcome = await confirm(services.signIn, { session, token }, confirmation, client)
  if (outcome.is === 'limited') return tooMany(request, outcome.retryAfterSeconds, links.home)
  if (outcome.is === 'gone') return signInFirst({ ...request, method: 'GET' }, links.home)
  return outcome.is === 'wrong' ? undefined : { ...request, token: outcome.token, session: { ...session, isConfirmed: true } }
}

async function goOn(request: SignedInRequest, waiting: Waiting): Promise<Response> {
  const { cookies, token } = request
  const renewed = cookies.setSession(token)
  if (waiting.method === 'POST') return addCookies(await request.resume(request, waiting), [renewed])
  const kept = waiting.form.isEmpty ? undefined : cookies.set('kept', sealKept(request, waiting.path.split('?')[0] ?? '', waiting.form))
  return seeOther(waiting.path, [renewed, kept])
}
