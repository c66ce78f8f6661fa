/**
 * From a route to a logged-in submission connection: one dialler an upstream, kept for its TLS context and session.
 */
import type { UpstreamConfig } from '../../config/config.ts'
import { proxyHeaderFor, toTell } from '../client-identity.ts'
import { UpstreamDialler } from '../upstream-dialler.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import type { Route } from '../upstream-routes.ts'
import { type ClientFacts, connectSmtpUpstream, type SmtpUpstream } from './smtp-upstream.ts'

export type SmtpConnector = (route: Route, client: ClientFacts, signal: AbortSignal) => Promise<SmtpUpstream>

/** Throws CERTIFICATE_INVALID when an upstream's `ca` cannot be read. */
export function makeSmtpConnector(upstreams: readonly UpstreamConfig[], hostname: string): SmtpConnector {
  const diallers = new Map<string, UpstreamDialler>()
  for (const { name, submission, ca } of upstreams) if (submission !== undefined) diallers.set(name, new UpstreamDialler(submission, ca))
  return async ({ config, login }, client, signal) => {
    const dialler = diallers.get(config.name)
    if (dialler === undefined) throw new UpstreamFailure('not-configured', `upstream ${config.name} has no submission address`)
    const [xclient, proxyHeader] = [toTell(config.forwardClient, 'xclient', client), proxyHeaderFor(config.forwardClient, client)]
    return connectSmtpUpstream(dialler, login, { hostname, xclient, proxyHeader, signal })
  }
}
