/**
 * Submission, TLS in, plain upstream (a sink): CPU per byte of large messages, one connection each with its login, and the rate of small
 * ones pipelined on a few connections. nginx refuses pipelining before AUTH only; nobody does it there. Its auth_http server is not counted.
 */

import { type Job, runLoad, warm } from '../load/run-load.ts'
import { nginxMail, nginxStream } from '../peers/nginx.ts'
import { type Certificate, type Peer, type PeerKind, type PeerName, UPSTREAM_SECRET, type Upstream } from '../peers/peer.ts'
import { compare, formatSeries, type ResultRow } from '../result-row.ts'
import { type Extent, inRounds, type Series } from '../rounds.ts'
import type { Workbench } from '../workbench.ts'

export const LARGE_BYTES = 10_000_000
/** 500 MB a round: a CPU second or less. */
export const largeSubmissions = ({ isQuick }: Extent): Job => ({
  kind: 'submit',
  connections: isQuick ? 10 : 50,
  parallel: 1,
  messagesEach: 1,
  messageBytes: LARGE_BYTES,
})
/** Half a CPU second a round or so. */
const SMALL: Job = { kind: 'submit', connections: 4, parallel: 4, messagesEach: 1_500, messageBytes: 2_000 }
/** As many apps do it: connect, log in, send one, leave. */
const ONE_EACH: Job = { kind: 'submit', connections: 200, parallel: 4, messagesEach: 1, messageBytes: 2_000 }
const GOAL_LARGE = 1.5
/** Of a bare Node relay, which looks at no byte: no goal that anything which reads its commands has reached (RESULTS.md). */
const GOAL_SMALL = 1.3

export async function measureSubmission(
  bench: Workbench,
  certificate: Certificate,
  extent: Extent,
  oursAndBare: (upstream: Upstream) => PeerKind[],
): Promise<ResultRow[]> {
  const sink = await startSink(bench)
  const peers = await Promise.all([...oursAndBare(sink), ...[nginxMail, nginxStream].map(kind => kind(bench, sink, certificate))].map(kind => kind.start()))
  const largeOnes = largeSubmissions(extent)
  await warm(peers, largeOnes)
  const large = await inRounds(peers, extent, async peer => {
    const { cpuMs, figures } = await runLoad(peer, largeOnes)
    return cpuMs / (((figures['messages'] ?? 0) * LARGE_BYTES) / 1e6)
  })
  const small = await measureRate(peers, SMALL, extent) // its preparation sends as many on each connection: the compiler is warm
  const oneEach = await measureRate(peers, ONE_EACH, extent)
  const what = 'CPU per small submission (2 kB), pipelined, 4 connections'
  const smallRow = compare({ what, unit: 'ms CPU per message', chart: 'transfers', limit: GOAL_SMALL, to: 'bare Node relay' }, small.cpu)
  return [
    compare({ what: 'CPU per large submission (10 MB), TLS in, plain upstream', unit: 'ms CPU per MB', chart: 'transfers', limit: GOAL_LARGE }, large),
    { ...smallRow, raw: [...small.raw, '', 'Not in the goal, the same messages with a connection and a login each:', '', ...oneEach.raw] },
  ]
}

async function measureRate(peers: readonly Peer[], job: Job, extent: Extent): Promise<{ readonly cpu: Series; readonly raw: readonly string[] }> {
  const cpu = new Map<PeerName, number[]>(peers.map(({ name }) => [name, []]))
  const rate = await inRounds(peers, extent, async peer => {
    const { cpuMs, figures } = await runLoad(peer, job)
    const messages = figures['messages'] ?? 0
    cpu.get(peer.name)?.push(cpuMs / messages)
    return messages / (figures['seconds'] ?? 0)
  })
  return { cpu, raw: [...formatSeries(rate, 'messages per second'), '', ...formatSeries(cpu, 'ms CPU per message')] }
}

export async function startSink(bench: Workbench): Promise<Upstream> {
  const port = await bench.freePort()
  const program = new URL('../peers/smtp-sink.ts', import.meta.url).pathname
  await bench.start('smtp-sink', process.execPath, [program, String(port), UPSTREAM_SECRET], { port })
  return { protocol: 'submission', port }
}
