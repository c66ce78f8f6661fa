/**
 * CPU per login: connect, TLS handshake, LOGIN with a secret that is memoised by then, hand-over to the upstream, LOGOUT, close.
 * The same key exchange for all, once without and once with TLS resumption. nginx's auth_http server is not counted.
 */

import { runLoad } from '../load/run-load.ts'
import type { Peer } from '../peers/peer.ts'
import { compareWithNginxMail, type ResultRow } from '../result-row.ts'
import { inRounds } from '../rounds.ts'

/** About half a CPU second a round. */
const LOGINS = 600
/** nginx's mail proxy waits 40 ms for delayed acknowledgements of the upstream in every login: many at a time keep the round short. */
const PARALLEL = 32

/** Each takes some 40 ms at nginx (see above), whatever the machine. */
const LOGINS_IN_TURN = 150

export async function measureLogin(peers: readonly Peer[]): Promise<ResultRow[]> {
  const rows: ResultRow[] = []
  // Not counted: a gateway runs for months, and its compiler has work to do in the first seconds only.
  for (const peer of peers) await runLoad(peer, { kind: 'login', count: 2 * LOGINS, parallel: PARALLEL, resume: false })
  for (const [resume, words] of [
    [false, 'full handshake'],
    [true, 'TLS resumed'],
  ] as const) {
    const series = await inRounds(peers, async peer => {
      const { cpuMs } = await runLoad(peer, { kind: 'login', count: LOGINS, parallel: PARALLEL, resume })
      return cpuMs / LOGINS
    })
    rows.push(compareWithNginxMail(`CPU per login, secret memoised, ${words}`, 'ms CPU per login', 1.5, series))
  }
  const inTurn = await inRounds(peers, async peer => {
    const { cpuMs } = await runLoad(peer, { kind: 'loginInTurn', count: LOGINS_IN_TURN })
    return cpuMs / LOGINS_IN_TURN
  })
  rows.push(compareWithNginxMail('CPU per login, secret memoised, one after the other', 'ms CPU per login', 1.5, inTurn))
  return rows
}
