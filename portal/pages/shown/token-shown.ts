/** An API token, once. */
import { readTokens } from '../../../management/sign-in/manage-sign-in.ts'
import { listAll } from '../../../store/schema/keyset.ts'
import { links } from '../../links.ts'
import { tokenShownView } from '../../views/account/token-views.ts'
import { seeOther, showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { clearShown, findShownSecret } from '../parts/shown-secret.ts'

export async function showToken(request: SignedInRequest): Promise<Response> {
  const { context, actor, param, services, m, page } = request
  const token = findShownSecret(request, param('token'))
  const record = (await listAll(readTokens(context, actor))).find(({ id }) => id === param('token'))
  if (token === undefined || record === undefined) return seeOther(links.accountTokens)
  return showPage(tokenShownView({ name: record.name, token: token.reveal().toString('latin1'), baseUrl: services.url }, m, page), {
    cookies: [clearShown(request)],
  })
}
