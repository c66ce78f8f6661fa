/**
 * TLS in front of an upstream: a process of its own (bare-relay.ts) takes it off.
 */
import type { Workbench } from '../workbench.ts'
import type { Certificate, Upstream } from './peer.ts'

export async function putTlsInFront(bench: Workbench, upstream: Upstream, certificate: Certificate): Promise<Upstream> {
  const port = await bench.freePort()
  const program = new URL('./bare-relay.ts', import.meta.url).pathname
  await bench.start(`tls-front-${port}`, process.execPath, [program, String(port), String(upstream.port), certificate.certFile, certificate.keyFile], { port })
  return { ...upstream, port, isTls: true }
}
