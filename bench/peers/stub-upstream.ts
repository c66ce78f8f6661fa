/** Upstreams that hold very many idle sessions: imap-stub.ts, as many processes as descriptors make necessary. */
import type { Workbench } from '../workbench.ts'
import type { Upstream } from './peer.ts'

export async function startStub(bench: Workbench, processes = 1): Promise<Upstream> {
  const port = await bench.freePort()
  const program = new URL('./imap-stub.ts', import.meta.url).pathname
  for (let index = 0; index < processes; index++) await bench.start(`stub-${port}-${index}`, process.execPath, [program, String(port)], { port })
  return { protocol: 'imap', port }
}
