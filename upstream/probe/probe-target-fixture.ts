/** A probe's target on this machine, of an upstream that is told nothing of clients. */
import type { UpstreamTls } from '../../config/config.ts'
import type { ProbeTarget } from './probe-target.ts'

export function targetAt(port: number, tls: UpstreamTls = 'none', more: Partial<ProbeTarget> = {}): ProbeTarget {
  const nothing = { proxyHeader: undefined, idClient: undefined, xclient: undefined }
  return { host: '127.0.0.1', port, tls, trust: {}, hostname: 'gw.example.test', allowUnauthenticate: false, ...nothing, ...more }
}
