/**
 * How long after `device revoke` its sessions are cut off, on one to four nodes over one PostgreSQL; once with NOTIFY and once where every one is lost.
 * From the beginning of the change, so the store's own time is part of it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { loadKeyring } from '../../store/keys/master-key.ts'
import { openStore } from '../../store/open-store.ts'
import type { CurveChart } from '../charts/chart.ts'
import { openSession } from '../load/imap-client.ts'
import { Installation } from '../peers/mailwicket.ts'
import { BENCH_USER, type Certificate } from '../peers/peer.ts'
import { type Postgres, startPostgres } from '../peers/postgres.ts'
import { startStub } from '../peers/stub-upstream.ts'
import { formatNumber, type ResultRow } from '../result-row.ts'
import { type Extent, median } from '../rounds.ts'
import type { Workbench } from '../workbench.ts'

const NODES = [1, 2, 4] as const
const REVOCATIONS = 20
const GOAL_MEDIAN_MS = 1_000
const GOAL_MS = 2_000

interface Found {
  readonly nodes: number
  readonly isNotified: boolean
  /** Of every session at every node. */
  readonly millis: readonly number[]
}

export async function measureRevocation(bench: Workbench, certificate: Certificate, { isQuick }: Extent): Promise<ResultRow[]> {
  const server = await startPostgres(bench, 'postgres-nodes')
  const installation = new Installation(bench, 'nodes', await startStub(bench), certificate, { store: server.url })
  installation.addMailbox(BENCH_USER)
  const ports: number[] = []
  const found: Found[] = []
  for (const nodes of isQuick ? NODES.slice(0, 2) : NODES) {
    while (ports.length < nodes) ports.push((await installation.serve()).port)
    for (const isNotified of [true, false]) {
      server.sql(`alter table generation ${isNotified ? 'enable' : 'disable'} trigger generation_moved`)
      const millis = await revokeMany(server, installation.dir, certificate, ports, isQuick ? 2 : REVOCATIONS)
      found.push({ nodes, isNotified, millis })
    }
  }
  return [formatFound(found)]
}

async function revokeMany(server: Postgres, dir: string, certificate: Certificate, ports: readonly number[], count: number): Promise<number[]> {
  const config = { store: { url: 'postgres', postgres: server.config }, generatedOnly: false }
  const opened = await openStore({ config, keyring: loadKeyring({ dataDir: dir, env: {} }) })
  const { devices } = opened.as({ name: 'bench', source: 'cli' })
  const millis: number[] = []
  try {
    for (let serial = 0; serial < count; serial++) {
      const { device, password } = await devices.add(BENCH_USER, { name: `revoked ${performance.now()}` })
      const secret = password.reveal().toString()
      const sessions = await Promise.all(ports.map(port => openSession({ port, certificate: certificate.pem, user: BENCH_USER, secret })))
      // Nodes look at fixed times: not always the same part of a second between two looks.
      await sleep(1_000 + Math.random() * 1_000)
      const from = performance.now()
      const ends = sessions.map(({ socket }) => new Promise<number>(resolve => void socket.once('close', () => resolve(performance.now() - from))))
      await devices.revoke([device.id])
      millis.push(...(await Promise.all(ends)))
    }
    return millis
  } finally {
    await opened.close()
  }
}

function formatFound(found: readonly Found[]): ResultRow {
  const all = (isNotified: boolean) => found.filter(one => one.isNotified === isNotified)
  const slowest = Math.max(...found.flatMap(({ millis }) => millis))
  const medians = found.map(({ millis }) => median(millis))
  return {
    what: `From a revocation to the end of its sessions, ${found[0]?.nodes} to ${found.at(-1)?.nodes} nodes`,
    goal: `median ${GOAL_MEDIAN_MS} ms or less, always ${GOAL_MS} ms or less, also where no NOTIFY arrives`,
    result: `slowest median ${formatNumber(Math.max(...medians))} ms, slowest ${formatNumber(slowest)} ms`,
    isReached: Math.max(...medians) <= GOAL_MEDIAN_MS && slowest <= GOAL_MS,
    raw: [
      '| nodes | NOTIFY | sessions cut off | median ms | slowest ms |',
      '|---|---|---|---|---|',
      ...found.map(
        ({ nodes, isNotified, millis }) =>
          `| ${nodes} | ${isNotified ? 'arrives' : 'lost'} | ${millis.length} | ${formatNumber(median(millis))} | ${formatNumber(Math.max(...millis))} |`,
      ),
    ],
    charts: [chartOf(all(true), all(false))],
  }
}

function chartOf(notified: readonly Found[], lost: readonly Found[]): CurveChart {
  const points = (all: readonly Found[], of: (millis: readonly number[]) => number) => all.map(({ nodes, millis }) => [nodes, of(millis)] as const)
  const most = (millis: readonly number[]) => Math.max(...millis)
  return {
    kind: 'curves',
    file: 'revocation',
    title: 'From a revocation to the end of its sessions, by number of nodes',
    x: { label: 'nodes over one PostgreSQL' },
    y: { label: 'ms', isLogarithmic: true },
    curves: [
      { name: 'NOTIFY, median', points: points(notified, median) },
      { name: 'NOTIFY, slowest', points: points(notified, most) },
      { name: 'NOTIFY lost, median', points: points(lost, median) },
      { name: 'NOTIFY lost, slowest', points: points(lost, most) },
    ],
  }
}
