/**
 * The authenticator app: set up with its square and recovery codes, which are shown here and nowhere else; new codes; off. While it is set up, seed and
 * codes lie sealed in a cookie: nothing is turned on before a code of the app was right.
 */
import { Secret } from '../../../base/secret.ts'
import { change } from '../../../management/use-case.ts'
import { openBlob, sealBlob } from '../../../store/keys/sealed-blob.ts'
import { makeRecoveryCodes as makeCodes } from '../../../store/sign-in/recovery-codes.ts'
import { links } from '../../links.ts'
import { qrPathOf } from '../../setup/qr-path.ts'
import { mustAddFactor } from '../../sign-in/second-factor.ts'
import { findTotpStep, formatTotpUri, makeTotpSeed } from '../../sign-in/totp.ts'
import { recoveryCodesView, totpSetupView, totpView } from '../../views/account/factor-views.ts'
import type { FormState } from '../../views/page-context.ts'
import { addCookies, seeOther, showPage } from '../../web/answers.ts'
import { onceFor, onceOnly } from '../../web/once.ts'
import { nowOf, type SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { ownNouns } from '../account/account.ts'
import { renewed } from '../account/renewed.ts'
import { FieldErrors } from '../parts/form-checks.ts'
import { clearShown, findShownSecret, secretIsShown } from '../parts/shown-secret.ts'

const CODES = 10
const SET_UP_MS = 15 * 60_000
const USE = 'totp set-up'

export async function showTotp(request: SignedInRequest): Promise<Response> {
  const record = await ownNouns(request).credentials.find(request.session.user.login)
  if (record?.hasTotp !== true || request.query.has('again')) return setUpPage(request, {})
  return managePage(request, {})
}

async function managePage(request: SignedInRequest, form: FormState): Promise<Response> {
  const { session, m, page } = request
  const record = await ownNouns(request).credentials.find(session.user.login)
  const model = {
    since: record?.totpAddedAt ?? 0,
    codesLeft: record?.recoveryCodes ?? 0,
    codes: CODES,
    mayTurnOff: await mayTurnOff(request),
    form: { ...form, once: onceFor(request, links.accountRecoveryCodes), confirmNeeded: !session.isConfirmed },
  }
  return showPage(totpView(model, m, page), { status: form.problem === undefined ? 200 : 422 })
}

async function mayTurnOff(request: SignedInRequest): Promise<boolean> {
  const { services, session, reach } = request
  const record = await ownNouns(request).credentials.find(session.user.login)
  const roles = { isAdmin: reach.isAdministrator, domains: [...reach.domains] }
  return record === undefined || !mustAddFactor(services.signIn.policy(), roles, { ...record, hasTotp: false })
}

interface SetUp {
  readonly seed: Secret
  readonly codes: readonly string[]
}

async function setUpPage(request: SignedInRequest, form: FormState<'code' | 'kept'>): Promise<Response> {
  const { session, m, page, services, cookies } = request
  const { login } = session.user
  const found = findSetUp(request)
  const setUp = found ?? { seed: makeTotpSeed(), codes: makeCodes().map(code => code.reveal().toString('latin1')) }
  const uri = formatTotpUri(setUp.seed, { issuer: 'Mailwicket', login })
  const model = { qr: qrPathOf(uri), key: setUp.seed.reveal().toString('latin1'), recoveryCodes: setUp.codes, form }
  const sealed = sealBlob(
    services.signIn.keyring,
    Secret.fromText([setUp.seed.reveal().toString('latin1'), ...setUp.codes].join('\n')),
    { purpose: USE, bindings: [session.id] },
    nowOf(request) + SET_UP_MS,
  )
  return showPage(totpSetupView(model, m, page), { status: form.errors === undefined ? 200 : 422, cookies: [cookies.set('totp', sealed)] })
}

function findSetUp(request: SignedInRequest): SetUp | undefined {
  const { services, session, cookies } = request
  const cookie = cookies.get('totp')
  const opened = cookie === undefined ? undefined : openBlob(services.signIn.keyring, cookie, { purpose: USE, bindings: [session.id] }, nowOf(request))
  if (opened === undefined) return undefined
  const [seed = '', ...codes] = opened.reveal().toString('latin1').split('\n')
  return { seed: Secret.fromText(seed), codes }
}

export async function turnTotpOn(request: SignedInRequest): Promise<Response> {
  const { context, actor, session, form, m, cookies } = request
  const setUp = findSetUp(request)
  if (setUp === undefined) return seeOther(links.accountTotp)
  const errors = new FieldErrors<'code' | 'kept'>()
  const step = await findTotpStep(setUp.seed, Secret.fromText(form.text('code')), { afterStep: null, now: nowOf(request) })
  if (step === undefined) errors.add('code', m.problems.code)
  if (!form.isOn('kept')) errors.add('kept', m.problems.keepCodes)
  if (step === undefined || !errors.isEmpty) return setUpPage(request, { values: form.shown(), errors: errors.errors })
  const { login } = session.user
  await change(context, actor, async nouns => {
    await nouns.credentials.setTotp(login, setUp.seed, step)
    await nouns.recoveryCodes.replace(
      login,
      setUp.codes.map(code => Secret.fromText(code)),
    )
  })
  return addCookies(doneThen(request, links.account, 'totpOn'), [await renewed(request), cookies.clear('totp')])
}

export async function turnTotpOff(request: SignedInRequest): Promise<Response> {
  const { context, actor, session, m } = request
  if (!(await mayTurnOff(request))) return managePage(request, { problem: m.totp.mustStay })
  await change(context, actor, nouns => nouns.credentials.removeTotp(session.user.login))
  return addCookies(doneThen(request, links.account, 'totpOff'), [await renewed(request)])
}

const RECOVERY = 'recovery codes'

export async function makeRecoveryCodes(request: SignedInRequest): Promise<Response> {
  const { actor, session } = request
  const context = onceOnly(request, () => links.accountRecoveryShown)
  const codes = await change(context, actor, nouns => nouns.recoveryCodes.replace(session.user.login))
  const text = codes.map(code => code.reveal().toString('latin1')).join('\n')
  return secretIsShown(request, links.accountRecoveryShown, RECOVERY, Secret.fromText(text))
}

export async function showRecoveryCodes(request: SignedInRequest): Promise<Response> {
  const found = findShownSecret(request, RECOVERY)
  if (found === undefined) return seeOther(links.accountTotp)
  return showPage(recoveryCodesView({ codes: found.reveal().toString('latin1').split('\n') }, request.m, request.page), { cookies: [clearShown(request)] })
}
