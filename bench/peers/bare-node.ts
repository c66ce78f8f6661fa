/**
 * A bare Node relay as a peer, with the allocator settings of our launcher: the floor of what a gateway in Node can cost.
 */
import type { Workbench } from '../workbench.ts'
import { BENCH_USER, type Certificate, type PeerKind, UPSTREAM_SECRET, type Upstream } from './peer.ts'

export function bareNode(bench: Workbench, upstream: Upstream, certificate: Certificate): PeerKind {
  return {
    name: 'bare Node relay',
    async start() {
      const port = await bench.freePort()
      const program = new URL('./bare-relay.ts', import.meta.url).pathname
      const args = [program, String(port), String(upstream.port), certificate.certFile, certificate.keyFile]
      // As bin/mailwicket sets them.
      const env = { MALLOC_MMAP_THRESHOLD_: '32768', MALLOC_TOP_PAD_: '0', MALLOC_ARENA_MAX: '1' }
      const started = await bench.start(`bare-${port}`, process.execPath, args, { port, env })
      // It looks at nothing: the load logs in to the upstream itself.
      return { name: 'bare Node relay', port, certificate: certificate.pem, user: BENCH_USER, secret: UPSTREAM_SECRET, program: started }
    },
  }
}
