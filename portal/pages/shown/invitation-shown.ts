/** The link of an invitation, once. */
import { getInvitation } from '../../../management/sign-in/invite.ts'
import { links } from '../../links.ts'
import { invitationCreatedView } from '../../views/invitations/invitation-views.ts'
import { seeOther, showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { firstNameOf } from '../parts/people-names.ts'
import { clearShown, findShownSecret } from '../parts/shown-secret.ts'

export async function showInvitationLink(request: SignedInRequest): Promise<Response> {
  const { context, actor, services, m, page } = request
  const { id, user, userName, mailbox, endsAt } = await getInvitation(context, actor, request.param('id'))
  const token = findShownSecret(request, id)
  if (token === undefined) return seeOther(links.invitations)
  const name = userName ?? user
  const model = {
    id,
    url: `${services.url}${links.invitationOpen(token.reveal().toString('latin1'))}`,
    person: name === null ? undefined : { name, firstName: firstNameOf(name) },
    mailbox: mailbox ?? '',
    endsAt,
    mayMail: false,
    acts: {},
  }
  return showPage(invitationCreatedView(model, m, page), { cookies: [clearShown(request)] })
}
