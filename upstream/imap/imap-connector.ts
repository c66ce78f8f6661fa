/**
 * From a route to a logged-in IMAP connection: one dialler an upstream, kept for its TLS context and session.
 */
import type { UpstreamConfig } from '../../config/config.ts'
import { type ClientIdentity, proxyHeaderFor, toTell } from '../client-identity.ts'
import { UpstreamDialler } from '../upstream-dialler.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import type { Route } from '../upstream-routes.ts'
import { connectImapUpstream, type ImapUpstream } from './imap-upstream.ts'

export type ImapConnector = (route: Route, client: ClientIdentity, signal: AbortSignal) => Promise<ImapUpstream>

/** Throws CERTIFICATE_INVALID when an upstream's `ca` cannot be read. */
export function makeImapConnector(upstreams: readonly UpstreamConfig[]): ImapConnector {
  const diallers = new Map<string, UpstreamDialler>()
  for (const { name, imap, ca } of upstreams) if (imap !== undefined) diallers.set(name, new UpstreamDialler(imap, ca))
  return async ({ config, login }, client, signal) => {
    const dialler = diallers.get(config.name)
    if (dialler === undefined) throw new UpstreamFailure('not-configured', `upstream ${config.name} has no imap address`)
    const { allowUnauthenticate, forwardClient } = config
    const [idClient, proxyHeader] = [toTell(forwardClient, 'id', client), proxyHeaderFor(forwardClient, client)]
    return connectImapUpstream(dialler, login, { allowUnauthenticate, idClient, proxyHeader, signal })
  }
}
