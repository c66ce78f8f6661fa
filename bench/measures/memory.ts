/**
 * Memory per idle spliced session: PSS of all processes of a peer with 250, 1,000 and 5,000 sessions, beyond what it had after some logins; fresh
 * processes every round, so that memory that an earlier round has left in the allocator is not counted as nothing. Kernel socket buffers are nobody's.
 */
import { type Load, prepareLoad, warm } from '../load/run-load.ts'
import type { Peer, PeerKind } from '../peers/peer.ts'
import { readSettledPssKiB } from '../process-usage.ts'
import { formatNumber, formatSeries, type ResultRow } from '../result-row.ts'
import { type Extent, inRounds, medianOf, type Series } from '../rounds.ts'

/** The first logins pay for code and pools that are there only once; they come and go before anything is compared. */
export const firstLogins = ({ isQuick }: Extent, workers = 1) =>
  ({ kind: 'login', count: (isQuick ? 200 : 1_000) * workers, parallel: 20, resume: false }) as const
const COUNTS = [250, 1_000, 5_000] as const
const GOAL_KIB = 40

export async function measureMemory(kinds: readonly PeerKind[], extent: Extent): Promise<ResultRow[]> {
  const counts = extent.isQuick ? COUNTS.slice(0, 1) : COUNTS
  const found = counts.map(() => new Map<string, number[]>())
  await inRounds(kinds, extent, async kind => {
    const each = await measureOne(
      kind,
      counts.filter(count => count <= (kind.mostSessions ?? Number.POSITIVE_INFINITY)),
      extent,
    )
    each.forEach((kib, index) => void found[index]?.set(kind.name, [...(found[index]?.get(kind.name) ?? []), kib]))
    return each[0] ?? Number.NaN
  })
  return counts.map((count, index) => formatRow(count, found[index] as unknown as Series))
}

function formatRow(count: number, series: Series): ResultRow {
  const [ours, nginx] = [medianOf(series, 'Mailwicket'), medianOf(series, 'nginx mail')]
  const words = `${count.toLocaleString('en')} sessions`
  const bars = [...series.keys()].filter(name => name !== 'Mailwicket before').map(name => ({ name, value: medianOf(series, name) / nginx }))
  return {
    what: `Memory per idle spliced session, TLS in, ${words}`,
    goal: `${GOAL_KIB} KiB or less`,
    result: `${formatNumber(ours)} KiB`,
    isReached: ours <= GOAL_KIB,
    raw: formatSeries(series, 'KiB PSS per session'),
    ratios: { chart: 'logins', group: { name: `Memory an idle session, ${words}`, bars, goal: GOAL_KIB / nginx } },
  }
}

/** KiB a session at each of the counts. */
async function measureOne(kind: PeerKind, counts: readonly number[], extent: Extent): Promise<number[]> {
  const peer = await kind.start()
  const loads: Load[] = []
  try {
    await warm([peer], firstLogins(extent))
    const before = await readSettledPssKiB(peer.program.pid, extent)
    const each: number[] = []
    let open = 0
    for (const count of counts) {
      loads.push(await openIdle(peer, count - open))
      open = count
      each.push(((await readSettledPssKiB(peer.program.pid, extent)) - before) / count)
    }
    return each
  } finally {
    for (const load of loads) load.end()
    await peer.program.stop()
  }
}

/** So many sessions more, which stay until the load is ended. */
export async function openIdle(peer: Peer, count: number): Promise<Load> {
  const load = await prepareLoad(peer, { kind: 'idle', count })
  await load.go()
  return load
}
