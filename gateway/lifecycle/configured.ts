/**
 * What is made of the configuration and used afresh by every login: where mailboxes live, and how we connect there.
 * One value for one configuration: a reload puts the next one in its place, and no login ever sees half of each.
 */

import { type Network, parseCidr } from '../../base/network.ts'
import type { Config } from '../../config/config.ts'
import { type ImapConnector, makeImapConnector } from '../../upstream/imap/imap-connector.ts'
import { makeSmtpConnector, type SmtpConnector } from '../../upstream/smtp/smtp-connector.ts'
import { openRoutes, type Routes } from '../../upstream/upstream-routes.ts'

export interface Configured {
  readonly config: Config
  /** Networks that are not limited as address blocks. */
  readonly trusted: readonly Network[]
  readonly routes: Routes
  readonly connectImap: ImapConnector
  readonly connectSmtp: SmtpConnector
}

/** Reads the files of the upstreams: secrets of master users, authorities. Throws KEY_UNREADABLE, KEY_EXPOSED, CERTIFICATE_INVALID. */
export function openConfigured(config: Config): Configured {
  return {
    config,
    trusted: config.trustedFrom.map(parseCidr),
    routes: openRoutes(config.upstreams),
    connectImap: makeImapConnector(config.upstreams),
    connectSmtp: makeSmtpConnector(config.upstreams, config.hostname),
  }
}

/** What is wrong with the files of each upstream: `openConfigured` stops at the first. */
export function findBrokenUpstreams({ upstreams, hostname }: Config): unknown[] {
  const failures: unknown[] = []
  for (const upstream of upstreams.map(one => [one]))
    for (const open of [() => openRoutes(upstream), () => makeImapConnector(upstream), () => makeSmtpConnector(upstream, hostname)]) {
      try {
        open()
      } catch (error) {
        failures.push(error)
      }
    }
  return failures
}

/** Names of the upstreams behind the IMAP listeners. */
export function imapUpstreams({ upstreams }: Config): string[] {
  return upstreams.filter(({ imap }) => imap !== undefined).map(({ name }) => name)
}

/** Names of the upstreams behind the submission listeners. */
export function submissionUpstreams({ upstreams }: Config): string[] {
  return upstreams.filter(({ submission }) => submission !== undefined).map(({ name }) => name)
}
