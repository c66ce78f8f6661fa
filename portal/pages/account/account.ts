/** My account: signing in, where I am signed in, language and mail. */

import { change } from '../../../management/use-case.ts'
import type { NoticeKind } from '../../../store/accounts/people/preferences.ts'
import { links } from '../../links.ts'
import { isLanguage } from '../../messages/languages.ts'
import { accountView, sessionsView } from '../../views/account/account-view.ts'
import { showPage } from '../../web/answers.ts'
import { badRequest } from '../../web/error-answers.ts'
import { isWithoutFactor } from '../../web/factor-due.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { passkeysWork } from '../sign-in/sign-in.ts'
import { findSessions } from './own-sessions.ts'

/** As many as are made at once. */
const RECOVERY_CODES = 10
const TIME_ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone')]

export const ownNouns = ({ services, actor }: SignedInRequest) => services.store.as({ name: actor.login, source: actor.source })

export async function showAccount(request: SignedInRequest): Promise<Response> {
  const { services, session, reach, m, page } = request
  const { login, name } = session.user
  const nouns = ownNouns(request)
  const record = await nouns.credentials.find(login)
  const likes = await nouns.preferences.get(login)
  const model = {
    name: name ?? login,
    login,
    administrator: reach.isAdministrator,
    manages: [...reach.domains],
    passwordChangedAt: record?.passwordChangedAt ?? null,
    totp: record?.hasTotp === true ? { since: record.totpAddedAt ?? 0, codesLeft: record.recoveryCodes, codes: RECOVERY_CODES } : undefined,
    passkeys: (await nouns.passkeys.list(login)).map(({ id, name: key, createdAt, usedAt }) => ({ id, name: key, addedAt: createdAt, usedAt })),
    passkeysWork: passkeysWork(services.url),
    sessions: await findSessions(request),
    preferences: {},
    timeZone: likes.timeZone ?? 'UTC',
    timeZones: TIME_ZONES,
    mailAdded: likes.notices.includes('new-device'),
    mailNew: likes.notices.includes('new-network'),
    mailWorks: services.config().portal?.mail !== undefined && login.includes('@'),
    withoutHttps: reach.isAdministrator && !services.url.startsWith('https:'),
    secondStepMissing: await isWithoutFactor(request),
    acts: { confirmNeeded: !session.isConfirmed },
  }
  return showPage(accountView(model, m, page))
}

export async function showSessions(request: SignedInRequest): Promise<Response> {
  return showPage(sessionsView({ sessions: await findSessions(request), acts: {} }, request.m, request.page))
}

export async function endOwnSession(request: SignedInRequest): Promise<Response> {
  const { context, actor, session, param } = request
  await change(context, actor, nouns => nouns.portalSessions.end(session.user.login, param('session')))
  return doneThen(request, links.account, 'signedOutElsewhere', 1)
}

export async function endOtherSessions(request: SignedInRequest): Promise<Response> {
  const { context, actor, session } = request
  const ended = await change(context, actor, nouns => nouns.portalSessions.endOthers(session.user.login, session.id))
  return doneThen(request, links.account, 'signedOutElsewhere', ended)
}

export async function savePreferences(request: SignedInRequest): Promise<Response> {
  const { context, actor, session, form, services } = request
  const { login } = session.user
  const [language, timeZone] = [form.text('language'), form.text('timeZone')]
  if (!isLanguage(language) || !TIME_ZONES.includes(timeZone)) return badRequest(request, 'form')
  const isAsked = services.config().portal?.mail !== undefined && login.includes('@')
  await change(context, actor, async nouns => {
    const { notices } = await nouns.preferences.get(login)
    const chosen: readonly (readonly [NoticeKind, boolean])[] = [
      ['new-device', form.isOn('mailAdded')],
      ['new-network', form.isOn('mailNew')],
      ['ends-soon', notices.includes('ends-soon')],
    ]
    const kinds = isAsked ? chosen.filter(([, isOn]) => isOn).map(([kind]) => kind) : notices
    await nouns.preferences.set(login, { language, timeZone, notices: kinds })
  })
  return doneThen(request, links.account, 'saved')
}
