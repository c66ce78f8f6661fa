/**
 * What a probe connects to, and as whom it speaks there: this machine, in the way in which the gateway speaks for an app.
 */
import { networkInterfaces } from 'node:os'
import { makeId, type SessionId } from '../../base/ids.ts'
import type { Endpoint } from '../../base/network.ts'
import type { Config, UpstreamConfig, UpstreamEndpoint } from '../../config/config.ts'
import { proxyHeaderFor, toTell } from '../client-identity.ts'
import type { ClientFacts } from '../smtp/smtp-upstream.ts'
import type { UpstreamTrust } from '../upstream-dialler.ts'

export interface ProbeTarget extends UpstreamEndpoint {
  readonly trust: UpstreamTrust
  /** Our name in EHLO. */
  readonly hostname: string
  /** Goes ahead of everything else; undefined: nothing does. */
  readonly proxyHeader: Buffer | undefined
  /** Whom to tell of by ID and by XCLIENT; undefined: nobody. */
  readonly idClient: ClientFacts | undefined
  readonly xclient: ClientFacts | undefined
  readonly allowUnauthenticate: boolean
}

export function probeTargetOf({ hostname }: Pick<Config, 'hostname'>, upstream: UpstreamConfig, endpoint: UpstreamEndpoint): ProbeTarget {
  const { ca, minTls, forwardClient, allowUnauthenticate } = upstream
  const client = speakForThisMachine(hostname, endpoint)
  return {
    ...endpoint,
    trust: { ca, minTls },
    hostname,
    proxyHeader: proxyHeaderFor(forwardClient, client),
    idClient: toTell(forwardClient, 'id', client),
    xclient: toTell(forwardClient, 'xclient', client),
    allowUnauthenticate,
  }
}

/** RFC 5737 §3: addresses for documentation, which nobody has. Of a machine that has loopback only, and of the listener that there is none of. */
const NO_CLIENT = '192.0.2.2'
const NO_LISTENER = '192.0.2.1'

/**
 * An address of its own, as an app on this machine would have. Not loopback, and not the same twice: a server takes what seems to come from
 * itself without TLS, and then the probe would say good where no app gets in.
 */
function speakForThisMachine(hostname: string, { port }: Endpoint): ClientFacts {
  const addresses = Object.values(networkInterfaces()).flatMap(list => (list ?? []).filter(({ internal, family }) => !internal && family === 'IPv4'))
  const ip = addresses[0]?.address ?? NO_CLIENT
  return { ip, port: 4_711, destination: { host: NO_LISTENER, port }, session: makeId<SessionId>(), helo: hostname }
}
