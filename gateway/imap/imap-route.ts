/**
 * From a route to a logged-in IMAP connection: one dialler an upstream, kept for its TLS context and session.
 */
import type { UpstreamConfig } from '../../base/config.ts'
import type { Route } from '../login.ts'
import { UpstreamDialler } from '../upstream-dialler.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import { connectImapUpstream, type ImapUpstream } from './imap-upstream.ts'

export type ImapConnector = (route: Route, signal: AbortSignal) => Promise<ImapUpstream>

/** Throws CERTIFICATE_INVALID when an upstream's `ca` cannot be read. */
export function makeImapConnector(upstreams: readonly UpstreamConfig[]): ImapConnector {
  const diallers = new Map<string, UpstreamDialler>()
  for (const { name, imap, ca } of upstreams) if (imap !== undefined) diallers.set(name, new UpstreamDialler(imap, ca))
  return async ({ config, login }, signal) => {
    const dialler = diallers.get(config.name)
    if (dialler === undefined) throw new UpstreamFailure('not-configured', `upstream ${config.name} has no imap address`)
    return connectImapUpstream(dialler, login, { allowUnauthenticate: config.allowUnauthenticate, signal })
  }
}
