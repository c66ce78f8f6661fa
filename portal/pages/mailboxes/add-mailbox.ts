/** Adding a mailbox that exists on the server: tried there first, by the gateway's own login; nothing is saved when it fails. */
import { domainOf, normaliseAddress } from '../../../base/address.ts'
import { MailwicketError } from '../../../base/errors.ts'
import { findHostName } from '../../../base/network.ts'
import { Secret } from '../../../base/secret.ts'
import { type AddMailboxInput, addMailbox, type MailboxState } from '../../../management/mailboxes/manage-mailboxes.ts'
import { UpstreamTrialError } from '../../../management/mailboxes/try-upstream.ts'
import { may } from '../../../management/permissions.ts'
import { unicodeDomain } from '../../addresses.ts'
import { links } from '../../links.ts'
import { type AddMailboxFields, addMailboxView } from '../../views/mailboxes/add-mailbox-view.ts'
import type { FormState } from '../../views/page-context.ts'
import { showPage } from '../../web/answers.ts'
import { notFound } from '../../web/error-answers.ts'
import { onceFor, onceOnly } from '../../web/once.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { again, checkChoice, checkName, FieldErrors } from '../parts/form-checks.ts'
import { isService, upstreamProblem, upstreamsOf } from '../parts/upstreams.ts'

const NOTE = { max: 200 } as const

export async function showAddMailbox(request: SignedInRequest): Promise<Response> {
  return domainAsked(request) === '' ? notFound(request) : formPage(request, request.kept === undefined ? {} : { values: request.kept.shown() })
}

const domainAsked = (request: SignedInRequest): string => findHostName(request.param('domain')) ?? ''
const mayChoose = ({ reach }: SignedInRequest): boolean => may(reach, 'mailbox.upstream', 'installation') === 'yes'

/** Those for the domain first; another one is for whoever may choose it. */
function serversFor(request: SignedInRequest, domain: string) {
  const { upstreams } = request.services.config()
  const own = upstreamsOf({ upstreams }, domain)
  return mayChoose(request) ? [...own, ...upstreams.filter(one => !own.includes(one))] : own
}

async function formPage(request: SignedInRequest, form: FormState<AddMailboxFields>): Promise<Response> {
  const { m, page } = request
  const domain = domainAsked(request)
  const servers = serversFor(request, domain)
  const model = {
    domain,
    isService: await isService(request, domain),
    form: { ...form, once: onceFor(request, links.addMailbox(domain)) },
    servers: servers.map(({ name }) => name),
    mayChooseLogin: mayChoose(request),
    needsSecret: servers.some(({ auth }) => auth.method === 'stored'),
  }
  return showPage(addMailboxView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

export async function makeMailbox(request: SignedInRequest): Promise<Response> {
  const { actor, form, m } = request
  const read = readMailbox(request)
  const comesBack = (errors: FieldErrors<AddMailboxFields>) => formPage(request, again(errors, form.shown(), m))
  if (read instanceof FieldErrors) return comesBack(read)
  const errors = new FieldErrors<AddMailboxFields>()
  try {
    const context = onceOnly<MailboxState>(request, ({ mailbox }) => links.devices(mailbox.address))
    const { mailbox } = await addMailbox(context, actor, read)
    return doneThen(request, links.devices(mailbox.address), 'mailboxAdded', mailbox.address)
  } catch (error) {
    if (!(error instanceof MailwicketError)) throw error
    if (error instanceof UpstreamTrialError) errors.add('secret', upstreamProblem(error, m))
    else if (error.code === 'ALREADY_EXISTS') errors.add('address', m.problems.addressTaken)
    else if (error.code === 'BAD_INPUT') errors.add('login', m.problems.address)
    else throw error
    return comesBack(errors)
  }
}

function readMailbox(request: SignedInRequest): AddMailboxInput | FieldErrors<AddMailboxFields> {
  const { form, m, reach } = request
  const errors = new FieldErrors<AddMailboxFields>()
  const address = normaliseAddress(form.text('address').trim())
  const domain = address === undefined ? domainAsked(request) : domainOf(address)
  if (address === undefined) errors.add('address', m.problems.address)
  // Whoever looks after more domains than the one of this page may type another of them.
  else if (may(reach, 'mailbox.add', { domain }) !== 'yes') errors.add('address', m.problems.addressDomain(unicodeDomain(domainAsked(request))))
  const note = form.text('note').trim() === '' ? null : checkName(form.text('note'), 'note', NOTE, errors, m)
  const servers = serversFor(request, domain)
  // With one there is nothing to choose, and no field.
  const chosen = form.has('server')
    ? checkChoice(
        form,
        'server',
        servers.map(({ name }) => name),
        errors,
        m,
      )
    : servers[0]?.name
  const server = servers.find(({ name }) => name === chosen)
  if (server?.auth.method === 'stored' && form.text('secret') === '') errors.add('secret', m.problems.required)
  if (!errors.isEmpty || address === undefined) return errors
  const login = form.text('login').trim()
  const secret = form.text('secret')
  return {
    address,
    note: note ?? null,
    ...(mayChoose(request) && server !== undefined && { upstream: server.name }),
    login: mayChoose(request) && login !== '' ? login : null,
    secret: secret === '' || server?.auth.method !== 'stored' ? null : Secret.fromText(secret),
    trial: 'try',
  }
}
