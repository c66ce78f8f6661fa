/** The servers behind the mailboxes of a domain, as the configuration has them. */
import type { Config, UpstreamConfig } from '../../../config/config.ts'
import type { UpstreamTrialError } from '../../../management/mailboxes/try-upstream.ts'
import type { Messages } from '../../messages/en.ts'

/** Those that name the domain; else those that are for every domain. */
export function upstreamsOf({ upstreams }: Pick<Config, 'upstreams'>, domain: string): readonly UpstreamConfig[] {
  const named = upstreams.filter(({ domains }) => domains.includes(domain))
  return named.length > 0 ? named : upstreams.filter(({ domains }) => domains.length === 0)
}

/** What the server said to a login that was tried, or that it said nothing. */
export function upstreamProblem(error: UpstreamTrialError, m: Messages): string {
  const { server, answer } = error
  return answer === null ? m.problems.serverDown(server) : m.problems.serverRefused(server, answer)
}
