/**
 * Wrong secrets refused per second of CPU, beside argon2 verifications per second of CPU: what the tags save.
 * Once with as many tries a connection as an attacker gets, once with a TLS connection for each. From many addresses, at addresses that no mailbox has.
 */
import { execFileSync } from 'node:child_process'
import { type Job, runLoad } from '../load/run-load.ts'
import type { Peer } from '../peers/peer.ts'
import { formatSeries, type ResultRow } from '../result-row.ts'
import { type Extent, median } from '../rounds.ts'

const GOAL = 20
/** Answers leave at the ends of response-time buckets, so only many attackers at a time give the gateway something to do. */
const PARALLEL = 400
/** One less than the tries after which the gateway closes. */
const many = ({ isQuick }: Extent): Job => ({ kind: 'refusals', connections: isQuick ? 200 : 800, triesEach: 9, parallel: PARALLEL })
const one = ({ isQuick }: Extent): Job => ({ kind: 'refusals', connections: isQuick ? 400 : 1_600, triesEach: 1, parallel: PARALLEL })

const MANY_WORDS = 'refusals, 9 tries a connection'
const ONE_WORDS = 'refusals, a TLS handshake each'

export async function measureRefusals(gateway: Peer, extent: Extent): Promise<ResultRow[]> {
  const series = new Map<string, number[]>()
  const record = (name: string, value: number) => series.set(name, [...(series.get(name) ?? []), value])
  for (let round = 0; round < extent.rounds; round++) {
    record('argon2 verifications', Number(execFileSync(process.execPath, [new URL('./argon2-rate.ts', import.meta.url).pathname], { encoding: 'utf8' })))
    record(MANY_WORDS, await perCoreSecond(gateway, many(extent)))
    record(ONE_WORDS, await perCoreSecond(gateway, one(extent)))
  }
  const argon2 = median(series.get('argon2 verifications') ?? [])
  const raw = formatSeries(series, 'per core-second')
  return [MANY_WORDS, ONE_WORDS].map((words, index) => {
    const ratio = median(series.get(words) ?? []) / argon2
    return {
      what: `Wrong secrets refused: ${words}`,
      goal: `${GOAL} × argon2 verifications or more`,
      result: `${ratio.toFixed(1)} ×`,
      isReached: ratio >= GOAL,
      raw: index === 0 ? raw : [],
    }
  })
}

async function perCoreSecond(gateway: Peer, job: Job): Promise<number> {
  const { cpuMs, figures } = await runLoad(gateway, job)
  return (figures['refusals'] ?? 0) / (cpuMs / 1_000)
}
