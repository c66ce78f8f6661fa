/**
 * What very many idle sessions cost: memory of all processes with 1,000 to 20,000 of them, as far as descriptors allow, with one worker and with two.
 * A session takes two descriptors of its worker, and most machines give a process 20,000 to half a million.
 */
import { execFileSync } from 'node:child_process'
import type { CurveChart } from '../charts/chart.ts'
import { type Load, warm } from '../load/run-load.ts'
import { Installation } from '../peers/mailwicket.ts'
import { BENCH_USER, type Certificate } from '../peers/peer.ts'
import { startStub } from '../peers/stub-upstream.ts'
import { readCpuMs, readSettledPssKiB } from '../process-usage.ts'
import { formatNumber, type ResultRow } from '../result-row.ts'
import type { Extent } from '../rounds.ts'
import type { Workbench } from '../workbench.ts'
import { firstLogins, openIdle } from './memory.ts'

const STEPS = [1_000, 2_500, 5_000, 10_000, 15_000, 20_000] as const
const QUICK_STEPS = [250] as const
const GOAL_KIB = 40
/** Logs, store, listeners, and that workers do not get exactly the same number. */
const OTHER_DESCRIPTORS = 400
/** A load process has descriptors for so many, and half a minute. */
const LOAD_SESSIONS = 2_500
const IDLE_SECONDS = 5
const QUICK_IDLE_SECONDS = 1

interface Step {
  readonly sessions: number
  readonly kibEach: number
  /** With nothing to do. */
  readonly cpuMsPerSecond: number
}

export async function measureIdleSessions(bench: Workbench, certificate: Certificate, extent: Extent): Promise<ResultRow[]> {
  const descriptors = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' })) || Number.POSITIVE_INFINITY
  const found: { workers: number; steps: Step[] }[] = []
  for (const workers of [1, 2]) {
    const most = Math.floor((workers * (descriptors - OTHER_DESCRIPTORS)) / 2)
    // The last step is what there are descriptors for.
    const wanted = extent.isQuick ? QUICK_STEPS : STEPS.filter((step, index) => step <= most || (STEPS[index - 1] ?? 0) < most)
    found.push({ workers, steps: await measureSteps(bench, certificate, workers, [...new Set(wanted.map(step => Math.min(step, most)))], extent) })
  }
  const [last] = found.flatMap(({ steps }) => steps).toSorted((a, b) => b.sessions - a.sessions)
  if (last === undefined) throw new Error('nothing was measured')
  return [
    {
      what: `Memory of ${last.sessions.toLocaleString('en')} idle sessions, stub upstream`,
      goal: `${GOAL_KIB} KiB each or less`,
      result: `${formatNumber(last.kibEach)} KiB each`,
      isReached: last.kibEach <= GOAL_KIB,
      raw: [
        `A process may have ${descriptors.toLocaleString('en')} descriptors here.`,
        '',
        '| workers | sessions | KiB PSS each | CPU idle, ms a second |',
        '|---|---|---|---|',
        ...found.flatMap(({ workers, steps }) =>
          steps.map(step => `| ${workers} | ${step.sessions.toLocaleString('en')} | ${formatNumber(step.kibEach)} | ${formatNumber(step.cpuMsPerSecond)} |`),
        ),
      ],
      charts: [chartOf(found)],
    },
  ]
}

async function measureSteps(bench: Workbench, certificate: Certificate, workers: number, counts: readonly number[], extent: Extent): Promise<Step[]> {
  const idleSeconds = extent.isQuick ? QUICK_IDLE_SECONDS : IDLE_SECONDS
  const upstream = await startStub(bench, 2)
  const installation = new Installation(bench, `idle-${workers}`, upstream, certificate, { workers })
  const secret = installation.addMailbox(BENCH_USER)
  const peer = await installation.servePeer(secret)
  const { program } = peer
  await warm([peer], firstLogins(extent, workers))
  const loads: Load[] = []
  try {
    const before = await readSettledPssKiB(program.pid, extent)
    const steps: Step[] = []
    let open = 0
    for (const count of counts) {
      for (; open < count; open = Math.min(count, open + LOAD_SESSIONS)) loads.push(await openIdle(peer, Math.min(LOAD_SESSIONS, count - open)))
      const kibEach = ((await readSettledPssKiB(program.pid, extent)) - before) / count
      const cpu = readCpuMs(program.pid)
      await new Promise(resolve => setTimeout(resolve, idleSeconds * 1_000))
      steps.push({ sessions: count, kibEach, cpuMsPerSecond: (readCpuMs(program.pid) - cpu) / idleSeconds })
    }
    return steps
  } finally {
    for (const load of loads) load.end()
    await program.stop()
  }
}

function chartOf(found: readonly { readonly workers: number; readonly steps: readonly Step[] }[]): CurveChart {
  return {
    kind: 'curves',
    file: 'idle-sessions',
    title: 'Memory of an idle session, by how many there are',
    x: { label: 'idle sessions at a time, TLS towards the client' },
    y: { label: 'KiB each (PSS of all processes)' },
    curves: found.map(({ workers, steps }) => ({
      name: `${workers} worker${workers === 1 ? '' : 's'}`,
      points: steps.map(({ sessions, kibEach }) => [sessions, kibEach] as const),
    })),
  }
}
