/**
 * Memory per idle spliced session: PSS of all processes of a peer with 250 sessions, then with 1,000 more; fresh processes every round,
 * so that memory that an earlier round has left in the allocator is not counted as nothing. Kernel socket buffers are nobody's here.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { prepareLoad } from '../load/run-load.ts'
import type { PeerKind } from '../peers/peer.ts'
import { readPssKiB } from '../process-usage.ts'
import { formatNumber, formatSeries, type ResultRow } from '../result-row.ts'
import { inRounds, medianOf } from '../rounds.ts'

/** The first sessions pay for code and pools that are there only once. */
const SESSIONS_BEFORE = 250
const SESSIONS = 1_000
const GOAL_KIB = 56
/** Settled: no change of more than 0.3 % within two seconds. A runtime that never settles is read after 15 s. */
const SETTLE_STEP_MS = 2_000
const SETTLE_STEPS = 7
const SETTLE_SHARE = 0.003

export async function measureMemory(kinds: readonly PeerKind[]): Promise<ResultRow[]> {
  const series = await inRounds(kinds, measureOne)
  const ours = medianOf(series, 'Mailwicket')
  return [
    {
      what: 'Memory per idle spliced session, TLS in',
      goal: `${GOAL_KIB} KiB or less`,
      result: `${formatNumber(ours)} KiB`,
      isReached: ours <= GOAL_KIB,
      raw: formatSeries(series, 'KiB PSS per session'),
    },
  ]
}

async function measureOne(kind: PeerKind): Promise<number> {
  const peer = await kind.start()
  const first = await prepareLoad(peer, { kind: 'idle', count: SESSIONS_BEFORE })
  const more = await prepareLoad(peer, { kind: 'idle', count: SESSIONS })
  try {
    await first.go()
    const before = await readSettledKiB(peer.program.pid)
    await more.go()
    return ((await readSettledKiB(peer.program.pid)) - before) / SESSIONS
  } finally {
    first.end()
    more.end()
    await peer.program.stop()
  }
}

async function readSettledKiB(pid: number): Promise<number> {
  let last = readPssKiB(pid)
  for (let step = 0; step < SETTLE_STEPS; step++) {
    await sleep(SETTLE_STEP_MS)
    const now = readPssKiB(pid)
    if (Math.abs(now - last) < last * SETTLE_SHARE) return now
    last = now
  }
  return last
}
