/**
 * CPU per byte of a large download: FETCH of one 64 MiB message over one session, TLS towards the client, plain towards the upstream.
 */

import { type Job, runLoad, warm } from '../load/run-load.ts'
import type { Peer } from '../peers/peer.ts'
import { LARGE_MESSAGE_BYTES } from '../peers/upstream.ts'
import { compare, type ResultRow } from '../result-row.ts'
import { type Extent, inRounds } from '../rounds.ts'

/** A CPU second a round or so. */
export const downloads = ({ isQuick }: Extent): Job => ({ kind: 'download', times: isQuick ? 2 : 15, bytes: LARGE_MESSAGE_BYTES })

export async function measureDownload(peers: readonly Peer[], extent: Extent): Promise<ResultRow[]> {
  await warm(peers, downloads(extent))
  const series = await inRounds(peers, extent, async peer => {
    const { cpuMs, figures } = await runLoad(peer, downloads(extent))
    return cpuMs / ((figures['bytes'] ?? 0) / 1e6)
  })
  return [compare({ what: 'CPU per byte of a large download, TLS in, plain upstream', unit: 'ms CPU per MB', chart: 'transfers', limit: 0.8 }, series)]
}
