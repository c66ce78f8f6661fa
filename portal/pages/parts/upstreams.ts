/** The servers behind the mailboxes of a domain, as the configuration has them. */
import type { Config, UpstreamConfig } from '../../../config/config.ts'

/** Those that name the domain; else those that are for every domain. */
export function upstreamsOf({ upstreams }: Pick<Config, 'upstreams'>, domain: string): readonly UpstreamConfig[] {
  const named = upstreams.filter(({ domains }) => domains.includes(domain))
  return named.length > 0 ? named : upstreams.filter(({ domains }) => domains.length === 0)
}
