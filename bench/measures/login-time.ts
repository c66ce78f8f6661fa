/**
 * The time from LOGIN to its answer with 1 or 200 devices on the mailbox, in a small and in a large store; secrets memoised.
 * All four take turns login by login in one load, so that each sees the same machine.
 */

import { loginTimes } from '../load/run-load.ts'
import type { Target } from '../load/tls-socket.ts'
import { Installation } from '../peers/mailwicket.ts'
import type { Certificate, Upstream } from '../peers/peer.ts'
import { formatSeries, type ResultRow } from '../result-row.ts'
import { type Extent, median } from '../rounds.ts'
import type { Workbench } from '../workbench.ts'

/** Of each of the four, in each round. */
const LOGINS = 200
const MANY_DEVICES = 200
const SMALL_STORE = 1_000
const LARGE_STORE = 1_000_000
/** Slowest over fastest. */
const GOAL = 1.1

interface Case {
  readonly name: string
  readonly target: Target
}

export async function measureLoginTime(bench: Workbench, upstream: Upstream, certificate: Certificate, { rounds, isQuick }: Extent): Promise<ResultRow[]> {
  const largeStore = isQuick ? 100_000 : LARGE_STORE
  const cases = [...(await openCases(bench, upstream, certificate, SMALL_STORE)), ...(await openCases(bench, upstream, certificate, largeStore))]
  const series = new Map<string, number[]>(cases.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    const millis = await loginTimes(
      cases.map(({ target }) => target),
      LOGINS,
    )
    cases.forEach(({ name }, index) => void series.get(name)?.push(millis[index] ?? Number.NaN))
  }
  const medians = [...series.values()].map(median)
  const ratio = Math.max(...medians) / Math.min(...medians)
  return [
    {
      what: `Login time with 1 or ${MANY_DEVICES} devices on the mailbox, ${SMALL_STORE.toLocaleString('en')} or ${largeStore.toLocaleString('en')} in the store`,
      goal: 'the same within 10 %',
      result: `slowest ÷ fastest ${ratio.toFixed(2)}`,
      isReached: ratio <= GOAL,
      raw: formatSeries(series, 'ms from LOGIN to OK, median'),
    },
  ]
}

async function openCases(bench: Workbench, upstream: Upstream, certificate: Certificate, storeSize: number): Promise<Case[]> {
  const installation = new Installation(bench, `store-${storeSize}`, upstream, certificate)
  const secretOfOne = installation.addMailbox('one@example.test')
  const secretOfMany = installation.addMailbox('many@example.test')
  installation.addFillerDevices('many@example.test', MANY_DEVICES - 1)
  installation.addFillerMailboxes(storeSize)
  const { port } = await installation.serve()
  const size = `${storeSize.toLocaleString('en')} in the store`
  return [
    { name: `1 device, ${size}`, target: { port, certificate: certificate.pem, user: 'one@example.test', secret: secretOfOne } },
    { name: `${MANY_DEVICES} devices, ${size}`, target: { port, certificate: certificate.pem, user: 'many@example.test', secret: secretOfMany } },
  ]
}
