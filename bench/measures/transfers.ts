/**
 * What is large and moves one way: downloads and submissions with a TLS upstream, and IMAP uploads (APPEND) with a plain and a TLS one. TLS towards
 * the client always. nginx's mail proxy has no TLS towards an upstream: it goes to the plain one, and has a leg of TLS less to pay for.
 */
import { type Job, runLoad } from '../load/run-load.ts'
import { nginxMail } from '../peers/nginx.ts'
import type { Certificate, Peer, PeerKind, Upstream } from '../peers/peer.ts'
import { putTlsInFront } from '../peers/tls-front.ts'
import { LARGE_MESSAGE_BYTES } from '../peers/upstream.ts'
import { compareWithNginxMail, type ResultRow } from '../result-row.ts'
import { inRounds } from '../rounds.ts'
import type { Workbench } from '../workbench.ts'
import { LARGE_BYTES, LARGE_SUBMISSIONS, startSink } from './submission.ts'

const DOWNLOAD: Job = { kind: 'download', times: 5, bytes: LARGE_MESSAGE_BYTES }
const APPEND: Job = { kind: 'append', times: 20, messageBytes: LARGE_BYTES }
const GOALS = { download: 0.8, upload: 2 } as const

export async function measureTransfers(
  bench: Workbench,
  imap: Upstream,
  plainPeers: readonly Peer[],
  certificate: Certificate,
  ours: (upstream: Upstream) => PeerKind[],
): Promise<ResultRow[]> {
  const sink = await startSink(bench)
  const [imapTls, sinkTls] = await Promise.all([imap, sink].map(upstream => putTlsInFront(bench, upstream, certificate)))
  if (imapTls === undefined || sinkTls === undefined) throw new Error('no upstream')
  const start = (plain: Upstream, upstream: Upstream) => Promise.all([...ours(upstream), nginxMail(bench, plain, certificate)].map(kind => kind.start()))
  const [tls, submission] = [await start(imap, imapTls), await start(sink, sinkTls)]
  const plain = plainPeers.filter(({ name }) => tls.some(peer => peer.name === name))
  return [
    await measure('CPU per byte of a large download, TLS in, TLS upstream', GOALS.download, tls, DOWNLOAD),
    await measure('CPU per large submission (10 MB), TLS in, TLS upstream', GOALS.upload, submission, LARGE_SUBMISSIONS),
    await measure('CPU per byte of a large APPEND (10 MB), TLS in, plain upstream', GOALS.upload, plain, APPEND),
    await measure('CPU per byte of a large APPEND (10 MB), TLS in, TLS upstream', GOALS.upload, tls, APPEND),
  ]
}

async function measure(what: string, goal: number, peers: readonly Peer[], job: Job): Promise<ResultRow> {
  const series = await inRounds(peers, async peer => {
    const { cpuMs, figures } = await runLoad(peer, job)
    return cpuMs / ((figures['bytes'] ?? (figures['messages'] ?? 0) * LARGE_BYTES) / 1e6)
  })
  return compareWithNginxMail(what, 'ms CPU per MB', goal, series)
}
