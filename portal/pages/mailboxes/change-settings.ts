/** What the settings of a mailbox change: note and aliases, the login at its server, sending, pause, and its end. */
import { domainOf, normaliseAddress } from '../../../base/address.ts'
import { MailwicketError } from '../../../base/errors.ts'
import { Secret } from '../../../base/secret.ts'
import { listSessions } from '../../../management/devices/manage-sessions.ts'
import { getMailbox, removeMailbox, type SetMailboxInput, setMailbox } from '../../../management/mailboxes/manage-mailboxes.ts'
import { UpstreamTrialError } from '../../../management/mailboxes/try-upstream.ts'
import { may } from '../../../management/permissions.ts'
import { links } from '../../links.ts'
import { removeMailboxView } from '../../views/mailboxes/mailbox-settings-view.ts'
import type { FormState } from '../../views/page-context.ts'
import { showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { changedBy, isChangedMeanwhile, versionOf } from '../parts/changed-meanwhile.ts'
import { again, checkChoice, checkName, FieldErrors } from '../parts/form-checks.ts'
import { domainSeenBy } from '../parts/mailbox-head.ts'
import { addressOf } from '../parts/subject.ts'
import { isService, upstreamProblem } from '../parts/upstreams.ts'
import { type SettingsPart, settingsPage } from './settings.ts'

type Changes = Omit<SetMailboxInput, 'address' | 'version' | 'trial'>

/** One part saved, or its form again with what was wrong. */
async function save<Field extends string>(
  request: SignedInRequest,
  part: SettingsPart,
  changes: Changes,
  fieldOf: (error: MailwicketError, errors: FieldErrors<Field>) => boolean,
): Promise<Response> {
  const { context, actor, form, m } = request
  const address = addressOf(request)
  try {
    await setMailbox(context, actor, { address, version: versionOf(request), trial: 'try', ...changes })
  } catch (error) {
    if (isChangedMeanwhile(error)) {
      const { mailbox } = await getMailbox(context, actor, address)
      return settingsPage(request, { [part]: { problem: await changedBy(request, mailbox.id) } })
    }
    const errors = new FieldErrors<Field>()
    if (!(error instanceof MailwicketError) || !fieldOf(error, errors)) throw error
    return settingsPage(request, { [part]: again(errors, form.shown(), m) })
  }
  return doneThen(request, links.mailboxSettings(address), 'saved')
}

const comesBack = <Field extends string>(request: SignedInRequest, part: SettingsPart, errors: FieldErrors<Field>): Promise<Response> =>
  settingsPage(request, { [part]: again(errors, request.form.shown(), request.m) as FormState })

export async function saveAddresses(request: SignedInRequest): Promise<Response> {
  const { form, m } = request
  const errors = new FieldErrors<'aliases' | 'note'>()
  const aliases = form.list('aliases').map(text => normaliseAddress(text) ?? text)
  for (const alias of aliases) if (normaliseAddress(alias) === undefined) errors.add('aliases', m.problems.address)
  const note = form.text('note').trim() === '' ? null : checkName(form.text('note'), 'note', { max: 200 }, errors, m)
  if (!errors.isEmpty) return comesBack(request, 'addresses', errors)
  return save<'aliases' | 'note'>(request, 'addresses', { note: note ?? null, ...(form.has('aliases') && { aliases }) }, ({ code }, found) => {
    if (code === 'ALREADY_EXISTS') found.add('aliases', m.problems.addressTaken)
    else if (code === 'NOT_ALLOWED') found.add('aliases', m.problems.unknownDomain(aliases.map(alias => alias.split('@')[1]).join(', ')))
    else if (code === 'BAD_INPUT') found.add('aliases', m.problems.address)
    else return false
    return true
  })
}

export async function saveLogin(request: SignedInRequest): Promise<Response> {
  const { form, m, reach, services } = request
  const mayChoose = may(reach, 'mailbox.upstream', 'installation') === 'yes'
  const errors = new FieldErrors<'server'>()
  const servers = services.config().upstreams.map(({ name }) => name)
  if (mayChoose && form.has('server')) checkChoice(form, 'server', servers, errors, m)
  if (!errors.isEmpty) return comesBack(request, 'login', errors)
  const login = form.text('login').trim()
  const secret = form.text('secret')
  const changes: Changes = {
    ...(mayChoose && form.has('server') && { upstream: form.text('server') }),
    ...(mayChoose && form.has('login') && { login: login === '' || normaliseAddress(login) === addressOf(request) ? null : login }),
    ...(secret !== '' && { secret: Secret.fromText(secret) }),
  }
  return save<'server' | 'login' | 'secret'>(request, 'login', changes, (error, found) => {
    if (error instanceof UpstreamTrialError) found.add('secret', upstreamProblem(error, m))
    else if (error.code === 'BAD_INPUT' || error.code === 'CONFIG_INVALID') found.add('login', m.problems.address)
    else return false
    return true
  })
}

export async function saveSending(request: SignedInRequest): Promise<Response> {
  const { form, m } = request
  const errors = new FieldErrors<'perDay' | 'perMessage'>()
  const limit = (field: 'perDay' | 'perMessage'): number | null => {
    const text = form.text(field).trim()
    if (text === '') return null
    if (!/^\d{1,9}$/.test(text)) errors.add(field, m.problems.number)
    return Number(text)
  }
  const sending = { maySend: form.isOn('allowed'), recipientsPerDay: limit('perDay'), recipientsPerMessage: limit('perMessage') }
  if (!errors.isEmpty) return comesBack(request, 'sending', errors)
  return save<'perDay' | 'perMessage'>(request, 'sending', { sending }, ({ code }, found) => {
    if (code === 'NOT_ALLOWED') found.add('perDay', m.mailbox.onlyNarrow)
    else if (code === 'BAD_INPUT') found.add('perDay', m.problems.number)
    else return false
    return true
  })
}

export async function pauseMailbox(request: SignedInRequest): Promise<Response> {
  const { context, actor } = request
  const address = addressOf(request)
  const { length } = await listSessions(context, actor, { mailbox: address })
  await setMailbox(context, actor, { address, state: 'disabled', trial: 'trust' })
  return doneThen(request, links.mailboxSettings(address), 'mailboxPaused', length)
}

export async function resumeMailbox(request: SignedInRequest): Promise<Response> {
  const address = addressOf(request)
  await setMailbox(request.context, request.actor, { address, state: 'active', trial: 'trust' })
  return doneThen(request, links.mailboxSettings(address), 'mailboxResumed')
}

export async function showRemoveMailbox(request: SignedInRequest): Promise<Response> {
  return removePage(request, {})
}

async function removePage(request: SignedInRequest, form: FormState<'address'>): Promise<Response> {
  const { context, actor, reach, session, m, page } = request
  const { mailbox, version } = await getMailbox(context, actor, addressOf(request))
  const { address, upstream, devices } = mailbox
  const sessions = (await listSessions(context, actor, { mailbox: address })).length
  const state = { ...form, version, confirmNeeded: !session.isConfirmed }
  const model = { address, domain: domainSeenBy(reach, address), form: state, server: upstream, devices, sessions }
  return showPage(removeMailboxView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

/** The address is typed once more; in Unicode or not is the same. */
export async function checkRemoveMailbox(request: SignedInRequest): Promise<Response | undefined> {
  const { form, m } = request
  if (normaliseAddress(form.text('address').trim()) === addressOf(request)) return undefined
  return removePage(request, { values: form.shown(), errors: { address: m.problems.typedAddress } })
}

export async function dropMailbox(request: SignedInRequest): Promise<Response> {
  const { context, actor } = request
  try {
    const { address } = await removeMailbox(context, actor, { address: addressOf(request), version: versionOf(request) })
    const domain = domainOf(address)
    // With its last mailbox a domain that nothing names is no mail service any more.
    return doneThen(request, (await isService(request, domain)) ? links.service(domain) : links.services, 'mailboxRemoved', address)
  } catch (error) {
    if (!isChangedMeanwhile(error)) throw error
    const { mailbox } = await getMailbox(context, actor, addressOf(request))
    return removePage(request, { problem: await changedBy(request, mailbox.id) })
  }
}
