/** Another language: of this browser, and of whoever is signed in when one of our own pages asked for it. */
import { isLanguage } from '../messages/languages.ts'
import { ownPath, seeOther } from '../web/answers.ts'
import type { PageRequest, SignedInRequest, VisitorHandler } from '../web/page-request.ts'

export async function chooseLanguage(request: PageRequest): Promise<Response> {
  const { query } = request
  return choose(request, query.get('set') ?? '', ownPath(query.get('to') ?? ''))
}

/** Around the page of a link with a token, which chooses by its own query. */
export const inLanguageAsked =
  (show: VisitorHandler): VisitorHandler =>
  async request => {
    const asked = request.query.get('language')
    return asked === null ? show(request) : choose(request, asked, request.path)
  }

async function choose(request: PageRequest, language: string, to: string): Promise<Response> {
  const { cookies, services, isOwnPage } = request
  if (!isLanguage(language)) return seeOther(to)
  if ('actor' in request && isOwnPage) {
    const { actor } = request as SignedInRequest
    await services.store.as({ name: actor.login, source: actor.source }).preferences.set(actor.login, { language })
  }
  return seeOther(to, [cookies.set('language', language)])
}
