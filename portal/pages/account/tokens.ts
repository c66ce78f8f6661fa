/** API tokens of the account. */
import { MailwicketError } from '../../../base/errors.ts'
import { findHostName } from '../../../base/network.ts'
import { addToken, readTokens, revokeToken } from '../../../management/sign-in/manage-sign-in.ts'
import { listAll } from '../../../store/schema/keyset.ts'
import { TOKEN_SCOPES, type TokenScope } from '../../../store/schema/rights-and-scopes.ts'
import { POWERFUL_EVERYWHERE_MAX_MS, POWERFUL_MAX_MS } from '../../../store/sign-in/api-tokens.ts'
import { links } from '../../links.ts'
import { addTokenView, tokensView } from '../../views/account/token-views.ts'
import type { FormState } from '../../views/page-context.ts'
import { showPage } from '../../web/answers.ts'
import { onceFor, onceOnly } from '../../web/once.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { again, checkDay, checkName, checkNetworks, FieldErrors } from '../parts/form-checks.ts'
import { secretIsShown } from '../parts/shown-secret.ts'

type Field = 'name' | TokenScope | 'domains' | 'networks' | 'ends'
type Made = Awaited<ReturnType<typeof addToken>>
const SUGGESTED_MS = 90 * 86_400_000

export async function showTokens(request: SignedInRequest): Promise<Response> {
  const { context, actor, session, m, page } = request
  const tokens = (await listAll(readTokens(context, actor))).map(({ id, name, beginning, scopes, domains, allowFrom, endsAt, usedAt, usedIp }) => ({
    id,
    name,
    start: beginning,
    scopes,
    domains,
    networks: allowFrom,
    endsAt,
    used: usedAt === null ? null : { at: usedAt, ip: usedIp ?? '' },
    ended: endsAt !== null && endsAt <= page.formats.now,
  }))
  return showPage(tokensView({ tokens, acts: { confirmNeeded: !session.isConfirmed } }, m, page))
}

export async function showAddToken(request: SignedInRequest): Promise<Response> {
  return formPage(request, request.kept === undefined ? {} : { values: request.kept.shown() })
}

function formPage(request: SignedInRequest, form: FormState<Field>): Response {
  const { session, client, m, page } = request
  const model = {
    form: { ...form, once: onceFor(request, links.accountTokens), confirmNeeded: !session.isConfirmed },
    suggestedEnd: page.formats.isoDay(page.formats.now + SUGGESTED_MS - 86_400_000),
    clientAddress: client.ip,
  }
  return showPage(addTokenView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

export async function checkAddToken(request: SignedInRequest): Promise<Response | undefined> {
  const read = readToken(request)
  return read instanceof FieldErrors ? formPage(request, again(read, request.form.shown(), request.m)) : undefined
}

function readToken({ form, m, page }: SignedInRequest) {
  const errors = new FieldErrors<Field>()
  const { formats } = page
  const name = checkName(form.text('name'), 'name', { max: 100 }, errors, m)
  const scopes = TOKEN_SCOPES.filter(scope => form.isOn(scope))
  if (scopes.length === 0) errors.add('name', m.problems.chooseScope)
  const domains = form.list('domains').map(text => findHostName(text) ?? text)
  for (const domain of domains) if (findHostName(domain) === undefined) errors.add('domains', m.problems.unknownDomain(domain))
  const allowFrom = checkNetworks(form.list('networks'), 'networks', errors, m)
  const endsAt = form.text('ends').trim() === '' ? null : (checkDay(form.text('ends').trim(), 'ends', errors, m, formats) ?? null)
  if (scopes.includes('passwords') || scopes.includes('people')) {
    const end = endsAt ?? Number.POSITIVE_INFINITY
    if (end > formats.now + POWERFUL_MAX_MS) errors.add('ends', m.problems.tokenEnd)
    else if (allowFrom.length === 0 && end > formats.now + POWERFUL_EVERYWHERE_MAX_MS) errors.add('networks', m.problems.tokenNetworks)
  }
  return name === undefined || !errors.isEmpty ? errors : { name, scopes, domains, allowFrom, endsAt }
}

export async function makeToken(request: SignedInRequest): Promise<Response> {
  const { actor, form, m } = request
  const read = readToken(request)
  if (read instanceof FieldErrors) return formPage(request, again(read, form.shown(), m))
  try {
    const { token, record } = await addToken(
      onceOnly<Made>(request, made => links.tokenShown(made.record.id)),
      actor,
      read,
    )
    return secretIsShown(request, links.tokenShown(record.id), record.id, token)
  } catch (error) {
    if (!(error instanceof MailwicketError) || error.code !== 'BAD_INPUT') throw error
    const errors = new FieldErrors<Field>()
    errors.add('name', m.problems.checkFields)
    return formPage(request, again(errors, form.shown(), m))
  }
}

export async function dropToken(request: SignedInRequest): Promise<Response> {
  const { name } = await revokeToken(request.context, request.actor, { id: request.param('token') })
  return doneThen(request, links.accountTokens, 'tokenRevoked', name)
}
