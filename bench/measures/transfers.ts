/**
 * What is large and moves one way: downloads and submissions with a TLS upstream, and IMAP uploads (APPEND) with a plain and a TLS one. TLS towards
 * the client always. nginx's mail proxy has no TLS towards an upstream: it goes to the plain one, and has a leg of TLS less to pay for. Its stream module,
 * which looks at nothing, has both.
 */
import { type Job, runLoad, warm } from '../load/run-load.ts'
import { nginxMail, nginxStream } from '../peers/nginx.ts'
import type { Certificate, Peer, PeerKind, Upstream } from '../peers/peer.ts'
import { putTlsInFront } from '../peers/tls-front.ts'
import { compare, type ResultRow } from '../result-row.ts'
import { type Extent, inRounds } from '../rounds.ts'
import type { Workbench } from '../workbench.ts'
import { downloads } from './download.ts'
import { LARGE_BYTES, largeSubmissions, startSink } from './submission.ts'

/** 600 MB a round: with a third of it the compiler still had something to do in the first ones. */
const appends = ({ isQuick }: Extent): Job => ({ kind: 'append', times: isQuick ? 8 : 60, messageBytes: LARGE_BYTES })
const GOALS = { download: 0.8, upload: 2 } as const

export async function measureTransfers(
  bench: Workbench,
  imap: Upstream,
  plainPeers: readonly Peer[],
  certificate: Certificate,
  extent: Extent,
  ours: (upstream: Upstream) => PeerKind[],
): Promise<ResultRow[]> {
  const sink = await startSink(bench)
  const [imapTls, sinkTls] = await Promise.all([imap, sink].map(upstream => putTlsInFront(bench, upstream, certificate)))
  if (imapTls === undefined || sinkTls === undefined) throw new Error('no upstream')
  const start = (plain: Upstream, upstream: Upstream) =>
    Promise.all([...ours(upstream), nginxMail(bench, plain, certificate), nginxStream(bench, upstream, certificate)].map(kind => kind.start()))
  const [tls, submission] = [await start(imap, imapTls), await start(sink, sinkTls)]
  const plain = plainPeers.filter(({ name }) => tls.some(peer => peer.name === name))
  return [
    await measure('CPU per byte of a large download, TLS in, TLS upstream', GOALS.download, tls, downloads(extent), extent),
    await measure('CPU per large submission (10 MB), TLS in, TLS upstream', GOALS.upload, submission, largeSubmissions(extent), extent),
    await measure('CPU per byte of a large APPEND (10 MB), TLS in, plain upstream', GOALS.upload, plain, appends(extent), extent),
    await measure('CPU per byte of a large APPEND (10 MB), TLS in, TLS upstream', GOALS.upload, tls, appends(extent), extent),
  ]
}

async function measure(what: string, limit: number, peers: readonly Peer[], job: Job, extent: Extent): Promise<ResultRow> {
  await warm(peers, job)
  const series = await inRounds(peers, extent, async peer => {
    const { cpuMs, figures } = await runLoad(peer, job)
    return cpuMs / ((figures['bytes'] ?? (figures['messages'] ?? 0) * LARGE_BYTES) / 1e6)
  })
  return compare({ what, unit: 'ms CPU per MB', chart: 'transfers', limit }, series)
}
