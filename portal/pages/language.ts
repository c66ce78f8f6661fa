/** Another language: of this browser, and of whoever is signed in when one of our own pages asked for it. */
import { isLanguage } from '../messages/languages.ts'
import { ownPath, seeOther } from '../web/answers.ts'
import type { PageRequest, SignedInRequest } from '../web/page-request.ts'

export async function chooseLanguage(request: PageRequest): Promise<Response> {
  const { query, cookies, services, isOwnPage } = request
  const language = query.get('set') ?? ''
  const to = ownPath(query.get('to') ?? '')
  if (!isLanguage(language)) return seeOther(to)
  if ('actor' in request && isOwnPage) {
    const { actor } = request as SignedInRequest
    await services.store.as({ name: actor.login, source: actor.source }).preferences.set(actor.login, { language })
  }
  return seeOther(to, [cookies.set('language', language)])
}
