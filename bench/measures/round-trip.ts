/**
 * The time from NOOP to its answer through one spliced session, as the client sees it: load, peer and upstream on one machine.
 */

import { runLoad } from '../load/run-load.ts'
import type { Peer, PeerName } from '../peers/peer.ts'
import { compare, formatSeries, type ResultRow } from '../result-row.ts'
import { type Extent, inRounds } from '../rounds.ts'

const NOOPS = 5_000

export async function measureRoundTrip(peers: readonly Peer[], extent: Extent): Promise<ResultRow[]> {
  const p99 = new Map<PeerName, number[]>(peers.map(({ name }) => [name, []]))
  const series = await inRounds(peers, extent, async peer => {
    const { figures } = await runLoad(peer, { kind: 'roundTrip', count: NOOPS })
    p99.get(peer.name)?.push(figures['p99Micros'] ?? 0)
    return figures['medianMicros'] ?? 0
  })
  const row = compare({ what: 'Round trip through the gateway (NOOP), median', unit: 'µs, median', chart: 'logins', limit: 1.5 }, series)
  return [{ ...row, raw: [...row.raw, '', ...formatSeries(p99, 'µs, 99th percentile')] }]
}
