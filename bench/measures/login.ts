/**
 * CPU per login: connect, TLS handshake, LOGIN with a secret that is memoised by then, hand-over to the upstream, LOGOUT, close.
 * The same key exchange for all, once without and once with TLS resumption. nginx's auth_http server is not counted.
 */

import { runLoad, warm } from '../load/run-load.ts'
import type { Peer } from '../peers/peer.ts'
import { compare, type ResultRow } from '../result-row.ts'
import { type Extent, inRounds } from '../rounds.ts'

/** About half a CPU second a round. */
const LOGINS = 600
/** nginx's mail proxy waits 40 ms for delayed acknowledgements of the upstream in every login: many at a time keep the round short. */
const PARALLEL = 32

/** Each takes some 40 ms at nginx (see above), whatever the machine. */
const LOGINS_IN_TURN = 150
const GOAL = 1.4
const GOAL_IN_TURN = 1.6

export async function measureLogin(peers: readonly Peer[], extent: Extent): Promise<ResultRow[]> {
  const rows: ResultRow[] = []
  const [count, inTurnCount] = extent.isQuick ? [LOGINS / 3, LOGINS_IN_TURN / 5] : [LOGINS, LOGINS_IN_TURN]
  await warm(peers, { kind: 'login', count: 2 * count, parallel: PARALLEL, resume: false })
  for (const [resume, words] of [
    [false, 'full handshake'],
    [true, 'TLS resumed'],
  ] as const) {
    const series = await inRounds(peers, extent, async peer => {
      const { cpuMs } = await runLoad(peer, { kind: 'login', count, parallel: PARALLEL, resume })
      return cpuMs / count
    })
    rows.push(compare({ what: `CPU per login, 32 at a time, ${words}`, unit: 'ms CPU per login', chart: 'logins', limit: GOAL, to: 'bare Node relay' }, series))
  }
  const inTurn = await inRounds(peers, extent, async peer => {
    const { cpuMs } = await runLoad(peer, { kind: 'loginInTurn', count: inTurnCount })
    return cpuMs / inTurnCount
  })
  rows.push(
    compare({ what: 'CPU per login, one after the other', unit: 'ms CPU per login', chart: 'logins', limit: GOAL_IN_TURN, to: 'bare Node relay' }, inTurn),
  )
  return rows
}
