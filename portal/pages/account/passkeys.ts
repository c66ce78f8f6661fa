/** Passkeys of the account: adding one, which one this is, renaming, removing. */
import { isProblem } from '../../../base/problems.ts'
import { change } from '../../../management/use-case.ts'
import { links, withQuery } from '../../links.ts'
import { askToProve, askToRegister, checkProved, checkRegistered } from '../../sign-in/passkeys.ts'
import { mustAddFactor } from '../../sign-in/second-factor.ts'
import { passkeysView, renamePasskeyView } from '../../views/account/account-view.ts'
import type { FormState } from '../../views/page-context.ts'
import { addCookies, answerJson, showPage } from '../../web/answers.ts'
import { notFound } from '../../web/error-answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { again, checkName, FieldErrors } from '../parts/form-checks.ts'
import { readAnswer, readRegistration } from '../passkey-answer.ts'
import { passkeysWork } from '../sign-in/sign-in.ts'
import { ownNouns } from './account.ts'
import { browserName } from './own-sessions.ts'
import { renewed } from './renewed.ts'

const NAME = { max: 100 } as const

export async function showPasskeys(request: SignedInRequest): Promise<Response> {
  return passkeysPage(request, {})
}

async function passkeysPage(request: SignedInRequest, form: FormState<'name'>): Promise<Response> {
  const { services, session, query, client, m, page } = request
  const lit = query.get('lit')
  const passkeys = await ownNouns(request).passkeys.list(session.user.login)
  const model = {
    passkeys: passkeys.map(({ id, name, createdAt, usedAt }) => ({ id, name, addedAt: createdAt, usedAt, lit: id === lit })),
    passkeysWork: passkeysWork(services.url),
    suggestedName: browserName(client.agent),
    form,
  }
  return showPage(passkeysView(model, m, page), { status: form.problem === undefined ? 200 : 422 })
}

export async function passkeyOptions(request: SignedInRequest): Promise<Response> {
  const { services, session, cookies } = request
  const known = await ownNouns(request).passkeys.list(session.user.login)
  const { options, challenge } = await askToRegister(services.signIn, session.user, { session: session.id, known })
  return answerJson(options, { cookies: [cookies.set('challenge', challenge)] })
}

export async function addPasskey(request: SignedInRequest): Promise<Response> {
  const { services, session, context, actor, cookies, form, client, m } = request
  const answer = readRegistration(request)
  const errors = new FieldErrors<'name'>()
  const name = checkName(form.text('name'), 'name', NAME, errors, m)
  if (name === undefined) return answerJson({ problem: errors.errors.name })
  const key = answer === undefined ? undefined : await checkRegistered(services.signIn, answer.response, { ...answer, session: session.id, ip: client.ip })
  if (key === undefined) return answerJson({ problem: m.problems.passkey })
  try {
    await change(context, actor, nouns => nouns.passkeys.add(session.user.login, { ...key, name }))
  } catch (error) {
    if (!isProblem(error)) throw error
    if (error.reason === 'passkey.exists') return answerJson({ problem: m.problems.passkeyKnown })
    if (error.reason === 'passkey.name-taken') return answerJson({ problem: m.problems.passkeyNameTaken })
    throw error
  }
  const done = doneThen(request, links.accountPasskeys, 'passkeyAdded', name)
  return answerJson({ to: links.accountPasskeys }, { cookies: [...done.headers.getSetCookie(), await renewed(request), cookies.clear('challenge')] })
}

/** *Which one is this?* Asked without an answer it gives the options, with one the row that lights up. */
export async function testPasskey(request: SignedInRequest): Promise<Response> {
  const { services, session, cookies, client, m } = request
  const { login } = session.user
  const ceremony = { for: 'confirm', session: session.id } as const
  if (request.json['response'] === undefined) {
    const { options, challenge } = await askToProve(services.signIn, ceremony, await ownNouns(request).passkeys.list(login))
    return answerJson(options, { cookies: [cookies.set('challenge', challenge)] })
  }
  const answer = readAnswer(request)
  const proved =
    answer === undefined ? undefined : await checkProved(services.signIn, answer.response, { challenge: answer.challenge, ceremony, ip: client.ip })
  if (proved === undefined || proved.login !== login) return answerJson({ problem: m.problems.passkey })
  return answerJson({ to: withQuery(links.accountPasskeys, { lit: proved.passkey.id }) }, { cookies: [cookies.clear('challenge')] })
}

export async function showRenamePasskey(request: SignedInRequest): Promise<Response> {
  return renamePage(request, {})
}

async function renamePage(request: SignedInRequest, form: FormState<'name'>): Promise<Response> {
  const { session, param, m, page } = request
  const found = (await ownNouns(request).passkeys.list(session.user.login)).find(({ id }) => id === param('passkey'))
  if (found === undefined) return notFound(request)
  return showPage(renamePasskeyView({ id: found.id, name: found.name, form }, m, page), { status: form.errors === undefined ? 200 : 422 })
}

export async function renamePasskey(request: SignedInRequest): Promise<Response> {
  const { context, actor, session, form, m, param } = request
  const errors = new FieldErrors<'name'>()
  const name = checkName(form.text('name'), 'name', NAME, errors, m)
  if (name === undefined) return renamePage(request, again(errors, form.shown(), m))
  try {
    await change(context, actor, nouns => nouns.passkeys.rename(session.user.login, param('passkey'), name))
  } catch (error) {
    if (!isProblem(error) || error.reason !== 'passkey.name-taken') throw error
    errors.add('name', m.problems.passkeyNameTaken)
    return renamePage(request, again(errors, form.shown(), m))
  }
  return doneThen(request, links.accountPasskeys, 'renamed', name)
}

export async function removePasskey(request: SignedInRequest): Promise<Response> {
  const { services, context, actor, session, reach, param, m } = request
  const { login } = session.user
  const nouns = ownNouns(request)
  const found = (await nouns.passkeys.list(login)).find(({ id }) => id === param('passkey'))
  const record = await nouns.credentials.find(login)
  if (found === undefined || record === undefined) return notFound(request)
  const roles = { isAdmin: reach.isAdministrator, domains: [...reach.domains] }
  if (mustAddFactor(services.signIn.policy(), roles, { ...record, passkeys: record.passkeys - 1 }))
    return passkeysPage(request, { problem: m.passkeys.mustStay })
  await change(context, actor, inside => inside.passkeys.remove(login, found.id))
  return addCookies(doneThen(request, links.accountPasskeys, 'passkeyRemoved', found.name), [await renewed(request)])
}
