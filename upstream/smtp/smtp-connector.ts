/**
 * From a route to a logged-in submission connection: one dialler an upstream, kept for its TLS context and session,
 * and what is known of how it takes a login.
 */
import type { UpstreamConfig } from '../../config/config.ts'
import { proxyHeaderFor, toTell } from '../client-identity.ts'
import type { LoginMemory } from '../login-tries.ts'
import { UpstreamDialler } from '../upstream-dialler.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import type { Route } from '../upstream-routes.ts'
import { type ClientFacts, connectSmtpUpstream, type SmtpUpstream } from './smtp-upstream.ts'

export type SmtpConnector = (route: Route, client: ClientFacts, signal: AbortSignal) => Promise<SmtpUpstream>

/** Throws CERTIFICATE_INVALID when an upstream's `ca` cannot be read. */
export function makeSmtpConnector(upstreams: readonly UpstreamConfig[], hostname: string): SmtpConnector {
  const servers = new Map<string, { readonly dialler: UpstreamDialler; readonly memory: LoginMemory }>()
  for (const { name, submission, ca, minTls } of upstreams)
    if (submission !== undefined) servers.set(name, { dialler: new UpstreamDialler(submission, { ca, minTls }), memory: { worked: undefined } })
  return async ({ config, login }, client, signal) => {
    const server = servers.get(config.name)
    if (server === undefined) throw new UpstreamFailure('not-configured', `upstream ${config.name} has no submission address`)
    const [xclient, proxyHeader] = [toTell(config.forwardClient, 'xclient', client), proxyHeaderFor(config.forwardClient, client)]
    return connectSmtpUpstream(server.dialler, login, { hostname, xclient, proxyHeader, signal, memory: server.memory })
  }
}
