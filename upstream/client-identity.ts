/**
 * What an upstream may be told of the real client, and in which ways (`forward_client`, architecture §9).
 *
 * SECURITY: only what we know by ourselves: addresses of the connection, or those of a balancer that the configuration names, and our own
 * session id. Nothing that the client said.
 */

import type { Endpoint } from '../base/network.ts'
import { formatProxyHeader, formatProxyHeaderV1 } from '../base/sockets/proxy-header.ts'
import type { ForwardClient } from '../config/config.ts'

export interface ClientIdentity {
  readonly ip: string
  readonly port: number
  /** What the client connected to. */
  readonly destination: Endpoint
  /** Our id of the session, the `cid` of its log lines. */
  readonly session: string
}

type Way = 'id' | 'xclient' | 'proxy'

const WAYS: Readonly<Record<ForwardClient, readonly Way[]>> = {
  none: [],
  id: ['id'],
  xclient: ['xclient'],
  'id+xclient': ['id', 'xclient'],
  proxy: ['proxy'],
  'proxy-v1': ['proxy'],
}

/** `client` where the upstream is to be told of it in this way, else undefined. */
export function toTell<Client>(forward: ForwardClient, way: Way, client: Client): Client | undefined {
  return WAYS[forward].includes(way) ? client : undefined
}

/** What goes ahead of everything else on the connection to the upstream; undefined: nothing does. */
export function proxyHeaderFor(forward: ForwardClient, { ip, port, destination }: ClientIdentity): Buffer | undefined {
  if (!WAYS[forward].includes('proxy')) return undefined
  return forward === 'proxy-v1' ? formatProxyHeaderV1({ host: ip, port }, destination) : formatProxyHeader({ host: ip, port }, destination)
}
