/**
 * From a route to a logged-in IMAP connection: one dialler an upstream, kept for its TLS context and session,
 * and what is known of how it takes a login.
 */
import type { UpstreamConfig } from '../../config/config.ts'
import { type ClientIdentity, proxyHeaderFor, toTell } from '../client-identity.ts'
import type { LoginMemory } from '../login-tries.ts'
import { UpstreamDialler } from '../upstream-dialler.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import type { Route } from '../upstream-routes.ts'
import { connectImapUpstream, type ImapUpstream } from './imap-upstream.ts'

export type ImapConnector = (route: Route, client: ClientIdentity, signal: AbortSignal) => Promise<ImapUpstream>

/** Throws CERTIFICATE_INVALID when an upstream's `ca` cannot be read. */
export function makeImapConnector(upstreams: readonly UpstreamConfig[]): ImapConnector {
  const servers = new Map<string, { readonly dialler: UpstreamDialler; readonly memory: LoginMemory }>()
  for (const { name, imap, ca, minTls } of upstreams)
    if (imap !== undefined) servers.set(name, { dialler: new UpstreamDialler(imap, { ca, minTls }), memory: { worked: undefined } })
  return async ({ config, login }, client, signal) => {
    const server = servers.get(config.name)
    if (server === undefined) throw new UpstreamFailure('not-configured', `upstream ${config.name} has no imap address`)
    const { allowUnauthenticate, forwardClient } = config
    const [idClient, proxyHeader] = [toTell(forwardClient, 'id', client), proxyHeaderFor(forwardClient, client)]
    return connectImapUpstream(server.dialler, login, { allowUnauthenticate, idClient, proxyHeader, signal, memory: server.memory })
  }
}
