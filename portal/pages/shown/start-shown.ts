/** The link of a new start, once. */
import { getUser } from '../../../management/people/manage-users.ts'
import { links } from '../../links.ts'
import { startLinkView } from '../../views/people/start-link-view.ts'
import { seeOther, showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { clearShown, findShownSecret } from '../parts/shown-secret.ts'

export async function showStartLink(request: SignedInRequest): Promise<Response> {
  const { context, actor, services, m, page } = request
  const { user } = await getUser(context, actor, request.param('u'))
  const token = findShownSecret(request, user.login)
  const invitation = token === undefined ? undefined : await services.store.as({ name: actor.login, source: actor.source }).invitations.find(token)
  if (token === undefined || invitation === undefined) return seeOther(links.person(user.login))
  const model = {
    login: user.login,
    name: user.name ?? user.login,
    url: `${services.url}${links.welcome(token.reveal().toString('latin1'))}`,
    validUntil: invitation.endsAt,
  }
  return showPage(startLinkView(model, m, page), { cookies: [clearShown(request)] })
}
