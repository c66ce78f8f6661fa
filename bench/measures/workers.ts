/**
 * What a second worker brings, and what processes cost: logins a second with one and two workers, CPU a login by process, memory of each process
 * before anybody is connected.
 *
 * Where load, upstream and gateway share two cores, logins a second cannot show it: the ratio is that of the CPU a login of the busiest process,
 * which is what bounds logins a second as soon as there are cores enough. What a process uses with nobody connected is not a login's: it is measured
 * apart, and taken off.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { CurveChart } from '../charts/chart.ts'
import { runLoad, warm } from '../load/run-load.ts'
import { Installation } from '../peers/mailwicket.ts'
import { BENCH_USER, type Certificate, type Peer, type Upstream } from '../peers/peer.ts'
import { readCpuMsByProcess, readRssKiBByProcess } from '../process-usage.ts'
import { formatNumber, type ResultRow } from '../result-row.ts'
import { type Extent, median } from '../rounds.ts'
import type { Workbench } from '../workbench.ts'

const GOAL = 1.8
const LOGINS = 600
const PARALLEL = 32
const IDLE_SECONDS = 5

interface Round {
  readonly perSecond: number
  /** Milliseconds a login, of each process, the supervisor first where there is one. */
  readonly cpuMs: readonly number[]
}

interface Measured {
  readonly workers: number
  readonly peer: Peer
  readonly memoryKiB: readonly number[]
  readonly rounds: Round[]
  /** CPU milliseconds a second of each process when there is nothing to do. */
  idle: ReadonlyMap<number, number>
}

export async function measureWorkers(bench: Workbench, upstream: Upstream, certificate: Certificate, { rounds, isQuick }: Extent): Promise<ResultRow[]> {
  const count = isQuick ? LOGINS / 2 : LOGINS
  const all = [await start(1, bench, upstream, certificate), await start(2, bench, upstream, certificate)]
  // As many for each worker.
  for (const { workers, peer } of all) await warm([peer], { kind: 'login', count: 2 * count * workers, parallel: PARALLEL, resume: false })
  for (const one of all) one.idle = await measureIdle(one.peer)
  for (let round = 0; round < rounds; round += 1) for (const one of all) one.rounds.push(await measureRound(one, count))
  const [alone, two] = all as [Measured, Measured]
  const ratio = busiest(alone) / busiest(two)
  return [
    {
      what: 'Logins with two workers, by the CPU of the busiest process',
      goal: `${GOAL} × one or more`,
      result: `${ratio.toFixed(2)} ×`,
      isReached: ratio >= GOAL,
      raw: [
        '| workers | logins a second on these cores | CPU ms a login, all processes | of the busiest | of the supervisor | memory MiB, each process | CPU idle, ms a second |',
        '|---|---|---|---|---|---|---|',
        ...all.map(formatMeasured),
      ],
      charts: [chartOfLogins(all), chartOfMemory(all)],
    },
  ]
}

async function start(workers: number, bench: Workbench, upstream: Upstream, certificate: Certificate): Promise<Measured> {
  const installation = new Installation(bench, `workers-${workers}`, upstream, certificate, { workers })
  const secret = installation.addMailbox(BENCH_USER)
  const peer = await installation.servePeer(secret)
  return { workers, peer, memoryKiB: readRssKiBByProcess(peer.program.pid), rounds: [], idle: new Map() }
}

async function measureIdle({ program }: Peer): Promise<ReadonlyMap<number, number>> {
  const before = readCpuMsByProcess(program.pid)
  await pause(IDLE_SECONDS * 1_000)
  return new Map([...readCpuMsByProcess(program.pid)].map(([pid, ms]) => [pid, (ms - (before.get(pid) ?? 0)) / IDLE_SECONDS]))
}

async function measureRound({ peer, idle }: Measured, count: number): Promise<Round> {
  const before = readCpuMsByProcess(peer.program.pid)
  const startedAt = performance.now()
  await runLoad(peer, { kind: 'login', count, parallel: PARALLEL, resume: false })
  const seconds = (performance.now() - startedAt) / 1_000
  const after = readCpuMsByProcess(peer.program.pid)
  const cpuMs = [...after].map(([pid, ms]) => (ms - (before.get(pid) ?? 0) - seconds * (idle.get(pid) ?? 0)) / count)
  return { perSecond: count / seconds, cpuMs }
}

const busiest = ({ rounds }: Measured): number => median(rounds.map(({ cpuMs }) => Math.max(...cpuMs)))

/** What the busiest process can do with a core of its own is what bounds the whole. */
function chartOfLogins(all: readonly Measured[]): CurveChart {
  return {
    kind: 'curves',
    file: 'workers-logins',
    title: 'Logins a second, by number of workers',
    x: { label: 'workers' },
    y: { label: 'logins a second' },
    curves: [
      { name: 'a core for each process', points: all.map(one => [one.workers, 1_000 / busiest(one)]) },
      { name: 'two cores for all, load too', points: all.map(({ workers, rounds }) => [workers, median(rounds.map(({ perSecond }) => perSecond))]) },
    ],
  }
}

function chartOfMemory(all: readonly Measured[]): CurveChart {
  const points = all.map(({ workers, memoryKiB }) => [workers, memoryKiB.reduce((sum, kib) => sum + kib, 0) / 1_024] as const)
  return {
    kind: 'curves',
    file: 'workers-memory',
    title: 'Memory before anybody is connected, by number of workers',
    x: { label: 'workers' },
    y: { label: 'MiB resident, all processes' },
    curves: [{ name: 'Mailwicket', points }],
  }
}

function formatMeasured(one: Measured): string {
  const { workers, rounds, memoryKiB } = one
  const sum = median(rounds.map(({ cpuMs }) => cpuMs.reduce((total, ms) => total + ms, 0)))
  const supervisor = workers === 1 ? '–' : formatNumber(median(rounds.map(({ cpuMs }) => cpuMs[0] ?? 0)))
  const memory = memoryKiB.map(kib => Math.round(kib / 1024)).join(' + ')
  const idle = [...one.idle.values()].map(formatNumber).join(' + ')
  return `| ${workers} | ${formatNumber(median(rounds.map(({ perSecond }) => perSecond)))} | ${formatNumber(sum)} | ${formatNumber(busiest(one))} | ${supervisor} | ${memory} | ${idle} |`
}
