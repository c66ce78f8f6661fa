/**
 * Rounds: A B C, A B C, A B C, so that what the machine does meanwhile falls on all alike; the median of each is what counts.
 */
import type { PeerName } from './peers/peer.ts'

export interface Extent {
  readonly rounds: number
  /** A tenth of everything or so: it shows that it runs, and roughly how it stands. */
  readonly isQuick: boolean
}

/** What each peer gave in each round, in the order of the rounds. */
export type Series = ReadonlyMap<PeerName, readonly number[]>

export async function inRounds<Named extends { readonly name: PeerName }>(
  all: readonly Named[],
  { rounds }: Extent,
  measure: (one: Named) => Promise<number>,
): Promise<Series> {
  const series = new Map<PeerName, number[]>(all.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const one of all) series.get(one.name)?.push(await measure(one))
  }
  return series
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new Error('the median of nothing')
  return middle
}

export function medianOf(series: Series, name: PeerName): number {
  return median(series.get(name) ?? [])
}
