/** The servers behind the mailboxes of a domain, as the configuration has them. */
import { domainOf } from '../../../base/address.ts'
import type { Config, UpstreamConfig } from '../../../config/config.ts'
import type { UpstreamTrialError } from '../../../management/mailboxes/try-upstream.ts'
import { countMailboxes } from '../../../management/page-lists.ts'
import type { Messages } from '../../messages/en.ts'
import type { SignedInRequest } from '../../web/page-request.ts'

/** Those that name the domain; else those that are for every domain. */
export function upstreamsOf({ upstreams }: Pick<Config, 'upstreams'>, domain: string): readonly UpstreamConfig[] {
  const named = upstreams.filter(({ domains }) => domains.includes(domain))
  return named.length > 0 ? named : upstreams.filter(({ domains }) => domains.length === 0)
}

/** Domains that are mail services before they have a mailbox: the configuration names them, or somebody looks after them. */
export const namedDomains = ({ services, reach }: SignedInRequest): ReadonlySet<string> =>
  new Set([...services.config().upstreams.flatMap(({ domains }) => domains), ...reach.domains])

/** Whether there is a page of it. */
export async function isService(request: SignedInRequest, domain: string): Promise<boolean> {
  return namedDomains(request).has(domain) || (await countMailboxes(request.context, request.actor, { domain })) > 0
}

/** An app tries again within minutes; what is older says nothing of now. */
const RECENTLY_MS = 10 * 60_000
/** Of so many attempts the domains are looked at: those of a whole server that is down look alike. */
const MOST_LOOKED_AT = 1_000

/** Domains whose last logins all failed because their server could not be reached, as the gateway wrote it down: nobody is asked for a page. */
export async function findSilentDomains({ services, actor, page }: SignedInRequest): Promise<ReadonlySet<string>> {
  const { activity } = services.store.as({ name: actor.login, source: actor.source })
  const since = page.formats.now - RECENTLY_MS
  const { rows: failed } = await activity.page({ filter: { isUnreachable: true, since }, limit: MOST_LOOKED_AT })
  const latest = new Map(failed.toReversed().map(({ address, at }) => [domainOf(address), at]))
  const silent = new Set<string>()
  for (const [domain, at] of latest) {
    const [answered] = (await activity.page({ filter: { within: { domains: [domain] }, results: ['ok', 'upstream-refused'], since: at }, limit: 1 })).rows
    if (answered === undefined) silent.add(domain)
  }
  return silent
}

/** What the server said to a login that was tried, or that it said nothing. */
export function upstreamProblem(error: UpstreamTrialError, m: Messages): string {
  const { server, answer } = error
  return answer === null ? m.problems.serverDown(server) : m.problems.serverRefused(server, answer)
}
