/** The invitation as the invited see it. Opening it uses nothing up: mail scanners open everything. The button makes the device, once. */
import { MailwicketError } from '../../../base/errors.ts'
import { Secret } from '../../../base/secret.ts'
import type { Invitation } from '../../../store/sign-in/invitation-rows.ts'
import { links, withQuery } from '../../links.ts'
import { acceptDevice, openInvitation } from '../../sign-in/invitation-links.ts'
import { sealShownPassword } from '../../sign-in/sealed-values.ts'
import { APPS } from '../../views/devices/app-setup.ts'
import { invitationForAnotherView, invitationGoneView, invitationOpenView } from '../../views/invitations/invited-views.ts'
import type { FormState } from '../../views/page-context.ts'
import { seeOther, showPage } from '../../web/answers.ts'
import { tooMany } from '../../web/error-answers.ts'
import { nowOf, type PageRequest, type SignedInRequest } from '../../web/page-request.ts'
import { visitCookie } from '../../web/second-click.ts'
import { guessApp } from '../devices/set-up.ts'
import { again, checkChoice, checkName, FieldErrors } from '../parts/form-checks.ts'
import { firstNameOf } from '../parts/people-names.ts'
import { hasAccepted, invitedCookie } from './invited-device.ts'

type Field = 'name' | 'app'
/** What the sealed password of an invitation is bound to, beside its device. */
export const INVITED_SESSION = 'invited'

export async function showInvitation(request: PageRequest): Promise<Response> {
  return withInvitation(request, invitation => openPage(request, invitation, {}))
}

export const invitationGone = ({ m, page }: PageRequest): Response => showPage(invitationGoneView(m, page), { status: 410 })

const userOf = (request: PageRequest): SignedInRequest['session']['user'] | undefined =>
  'session' in request ? (request as SignedInRequest).session.user : undefined

/**
 * Whoever it names signs in first. Whoever has signed in as somebody else has the link, and hears that it is for another person: neither for whom, nor for
 * which mailbox. A browser that accepted it is led to what came of it, also by a second click.
 */
async function withInvitation(request: PageRequest, use: (invitation: Invitation) => Response | Promise<Response>): Promise<Response> {
  const { services, client } = request
  const opened = await openInvitation(services.signIn, Secret.fromText(request.param('token')), client)
  if (opened.is === 'limited') return tooMany(request, opened.retryAfterSeconds, links.home)
  // The command line has one form of link for both.
  if (opened.is === 'open' && opened.invitation.kind === 'start') return seeOther(links.welcome(request.param('token')))
  if (opened.is === 'gone' && (await hasAccepted(request))) return seeOther(links.invited)
  if (opened.is === 'gone' || opened.invitation.mailbox === null) return invitationGone(request)
  const { invitation } = opened
  const user = userOf(request)
  if (invitation.user !== null && user === undefined) return seeOther(withQuery(links.signIn, { to: request.path }))
  return invitation.user !== null && invitation.user !== user?.login ? forAnother(request) : use(invitation)
}

function forAnother(request: PageRequest): Response {
  const { m, page, path } = request
  const user = userOf(request)
  return showPage(invitationForAnotherView({ to: path, name: user?.name ?? user?.login ?? '' }, m, page), { status: 403 })
}

function openPage(request: PageRequest, invitation: Invitation, form: FormState<Field>): Response {
  const { m, page, client } = request
  const { mailbox, madeBy, madeByName, endsAt, terms, device } = invitation
  const by = madeByName ?? madeBy
  const user = invitation.user === null ? undefined : userOf(request)
  const model = {
    token: request.param('token'),
    address: mailbox ?? '',
    invitedBy: { name: by, firstName: firstNameOf(by) },
    endsAt,
    person: user === undefined ? undefined : { name: user.name ?? user.login, login: user.login },
    device: device?.name,
    form,
    app: guessApp(client.agent),
    suggestedName: terms.name ?? '',
  }
  return showPage(invitationOpenView(model, m, page), { status: form.errors === undefined ? 200 : 422, cookies: [visitCookie(request)] })
}

export async function acceptInvitation(request: PageRequest): Promise<Response> {
  const { services, client, form, m, cookies } = request
  const token = Secret.fromText(request.param('token'))
  return withInvitation(request, async invitation => {
    const errors = new FieldErrors<Field>()
    const name = invitation.device?.name ?? checkName(form.text('name'), 'name', { max: 100, without: '/' }, errors, m)
    const app = checkChoice(form, 'app', APPS, errors, m)
    if (name === undefined || app === undefined) return openPage(request, invitation, again(errors, form.shown(), m))
    try {
      const user = invitation.user === null ? null : (userOf(request)?.login ?? null)
      const accepted = await acceptDevice(services.signIn, token, { user, name }, client)
      if (accepted.is === 'limited') return tooMany(request, accepted.retryAfterSeconds, links.home)
      if (accepted.is === 'other') return forAnother(request)
      if (accepted.is === 'gone') return invitationGone(request)
      const { device, password } = accepted
      const sealed = sealShownPassword(services.signIn.keyring, password, { session: INVITED_SESSION, device: device.id }, nowOf(request))
      return seeOther(links.invited, [cookies.set('shown', sealed, links.invited), invitedCookie(request, device, app)])
    } catch (error) {
      if (!(error instanceof MailwicketError) || (error.code !== 'ALREADY_EXISTS' && error.code !== 'BAD_INPUT')) throw error
      errors.add('name', error.code === 'ALREADY_EXISTS' ? m.problems.deviceNameTaken(name) : m.problems.nameCharacters)
      return openPage(request, invitation, again(errors, form.shown(), m))
    }
  })
}
