/** What the HTTP API offers, for whoever writes a script: made of its document, the same for everybody. */
import { describeApi } from '../../api/api.ts'
import { listOperations } from '../../api/open-api.ts'
import { TOKEN_SCOPES } from '../../store/schema/rights-and-scopes.ts'
import { apiView } from '../views/account/api-view.ts'
import { showPage } from '../web/answers.ts'
import type { PageRequest } from '../web/page-request.ts'

type Resources = Parameters<typeof apiView>[0]['resources']
/** Made once: it takes twenty milliseconds. */
let resources: Resources | undefined

export async function showApi({ services, m, page }: PageRequest): Promise<Response> {
  resources ??= listResources(services.url)
  return showPage(apiView({ baseUrl: services.url, resources }, m, page))
}

function listResources(url: string): Resources {
  return [...Map.groupBy(listOperations(describeApi(url)), ({ resource }) => resource)].map(([title, routes]) => ({
    title,
    routes: routes.map(({ method, path, summary, scopes }) => ({ method, path, summary, scope: TOKEN_SCOPES.find(scope => scopes.includes(scope)) })),
  }))
}
