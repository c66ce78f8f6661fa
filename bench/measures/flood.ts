/**
 * What a flood of wrong secrets does to somebody who logs in with a right one, from one address and from many: p99 of whole logins (connect,
 * TLS, LOGIN, answer), beside the same before the flood; the gateway's memory before, during and after.
 *
 * The gateway has one core, and who attacks and who logs in the other: there the attackers work only while the one who logs in waits, so that what
 * he notices is the gateway's doing. The real server is where there is room.
 */

import { type Job, prepareLoad } from '../load/run-load.ts'
import { Installation } from '../peers/mailwicket.ts'
import { BENCH_USER, type Certificate, type Upstream } from '../peers/peer.ts'
import { pinTo, readPssKiB } from '../process-usage.ts'
import type { ResultRow } from '../result-row.ts'
import type { Extent } from '../rounds.ts'
import type { Workbench } from '../workbench.ts'

const GOAL = 2
const CORES = { gateway: 0, clients: 1 } as const
const FLOODS: Readonly<Record<string, Job>> = {
  'from one address, 200 connections': { kind: 'flood', addresses: 1, connectionsEach: 200 },
  'from 1,000 addresses, 2 connections each': { kind: 'flood', addresses: 1_000, connectionsEach: 2 },
}

export async function measureFlood(bench: Workbench, upstream: Upstream, certificate: Certificate, { isQuick }: Extent): Promise<ResultRow[]> {
  const rows: ResultRow[] = []
  const logins: Job = { kind: 'loginPace', count: isQuick ? 60 : 600, pauseMs: 20 }
  for (const [words, job] of Object.entries(FLOODS)) rows.push(await measureOne(bench, upstream, certificate, words, job, logins))
  return rows
}

/** A gateway of its own for each: it does not forget an attacker within a run. */
async function measureOne(bench: Workbench, upstream: Upstream, certificate: Certificate, words: string, job: Job, logins: Job): Promise<ResultRow> {
  const installation = new Installation(bench, `flood-${job.kind === 'flood' ? job.addresses : 0}`, upstream, certificate)
  const secret = installation.addMailbox(BENCH_USER)
  const peer = await installation.servePeer(secret)
  const { program } = peer
  pinTo(CORES.gateway, program.pid)
  const logIn = async () => {
    const load = await prepareLoad(peer, logins)
    pinTo(CORES.clients, load.pid)
    return load.go().finally(() => load.end())
  }
  // The compiler is warm and the memory has found its size before anything is compared.
  await logIn()
  const memory = [readPssKiB(program.pid)]
  const quiet = await logIn()
  const flood = await prepareLoad(peer, job)
  pinTo(CORES.clients, flood.pid, { yields: true })
  await flood.go()
  const during = await logIn()
  memory.push(readPssKiB(program.pid))
  flood.end()
  const after = await logIn()
  memory.push(readPssKiB(program.pid))
  const ratio = (during.figures['p99'] ?? Number.NaN) / (quiet.figures['p99'] ?? Number.NaN)
  const line = (name: string, { figures }: typeof quiet, kib: number | undefined) =>
    `| ${name} | ${figures['p50']?.toFixed(1)} | ${figures['p99']?.toFixed(1)} | ${((kib ?? 0) / 1024).toFixed(0)} |`
  return {
    what: `A good login during a flood of wrong secrets ${words}`,
    goal: `p99 ${GOAL} × the quiet one or less`,
    result: `${ratio.toFixed(2)} ×`,
    isReached: ratio <= GOAL,
    raw: [
      '| | p50 ms | p99 ms | memory MiB |',
      '|---|---|---|---|',
      line('quiet', quiet, memory[0]),
      line('during', during, memory[1]),
      line('after', after, memory[2]),
    ],
  }
}
