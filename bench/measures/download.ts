/**
 * CPU per byte of a large download: FETCH of one 64 MiB message over one session, TLS towards the client, plain towards the upstream.
 */

import { runLoad } from '../load/run-load.ts'
import type { Peer } from '../peers/peer.ts'
import { LARGE_MESSAGE_BYTES } from '../peers/upstream.ts'
import { compare, type ResultRow } from '../result-row.ts'
import { type Extent, inRounds } from '../rounds.ts'

/** 320 MiB a round: about a quarter of a CPU second at the least, 25 times what the kernel's accounting resolves. */
const FETCHES = 5

export async function measureDownload(peers: readonly Peer[], extent: Extent): Promise<ResultRow[]> {
  const series = await inRounds(peers, extent, async peer => {
    const { cpuMs, figures } = await runLoad(peer, { kind: 'download', times: extent.isQuick ? 2 : FETCHES, bytes: LARGE_MESSAGE_BYTES })
    return cpuMs / ((figures['bytes'] ?? 0) / 1e6)
  })
  return [compare({ what: 'CPU per byte of a large download, TLS in, plain upstream', unit: 'ms CPU per MB', chart: 'transfers', limit: 0.8 }, series)]
}
