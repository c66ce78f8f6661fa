/**
 * Lets the sessions go before a stop (architecture §11): who is idle goes first, one after another and evenly, so that not everybody
 * connects again in one moment; who is in the middle of something may finish; at the end of the time everybody goes.
 *
 * A relay of submissions knows its own pauses and ends itself in the first. A splice does not look into its bytes: it is idle when none
 * moved for a moment and it says that nothing is owed.
 */
import { LIMITS } from '../limits.ts'
import type { LiveSession, LiveSessions } from './live-sessions.ts'

export interface DrainOptions {
  readonly live: LiveSessions
  /** How long it may take; 0: everybody goes at once. */
  readonly drainMs: number
  /** For tests. */
  readonly now?: () => number
  readonly sleep?: (ms: number) => Promise<void>
}

interface Watched {
  bytes: number
  quietSinceMs: number
  isTold: boolean
}

/** Connections without a login are told at once. Resolves when every session is gone or the time is over; whoever is left then is the caller's to end. */
export async function drain({ live, drainMs, now = () => performance.now(), sleep = wait }: DrainOptions): Promise<void> {
  live.admitNobody()
  for (const session of live.all()) if (session.parting === undefined) session.end('shutdown')
  for (const session of live.all()) if (session.parting?.kind === 'asked') session.parting.endAtRest()
  const startedAt = now()
  const pace = new Pace([...live.all()].filter(isWatched).length, drainMs)
  const watched = new Map<LiveSession, Watched>()
  while (live.size > 0) {
    const elapsedMs = now() - startedAt
    if (elapsedMs >= drainMs) break
    letGo(live, pace, watched, elapsedMs)
    await sleep(Math.min(LIMITS.drainLookMs, drainMs - elapsedMs))
  }
}

/** How many sessions should be gone at a moment: the first after `quietMs`, the last before the end, and never more slowly than the least pace. */
export class Pace {
  /** How long a session must have been silent to count as idle. */
  readonly quietMs: number
  readonly total: number
  readonly #perMs: number

  constructor(total: number, drainMs: number) {
    this.total = total
    this.quietMs = Math.min(LIMITS.drainQuietMs, drainMs / 4)
    // The last ones are due two looks before the end, so that a look finds them.
    const spreadMs = Math.max(1, drainMs - this.quietMs - 2 * LIMITS.drainLookMs)
    this.#perMs = Math.max(total / spreadMs, LIMITS.drainLeastPerSecond / 1000)
  }

  dueAt(elapsedMs: number): number {
    return elapsedMs < this.quietMs ? 0 : Math.min(this.total, 1 + Math.floor((elapsedMs - this.quietMs) * this.#perMs))
  }
}

function letGo(live: LiveSessions, pace: Pace, watched: Map<LiveSession, Watched>, elapsedMs: number): void {
  // A session that was told may need a moment for its last reply.
  const sessions = [...live.all()].filter(session => isWatched(session) && watched.get(session)?.isTold !== true)
  // Those that left by themselves count too.
  let due = pace.dueAt(elapsedMs) - (pace.total - sessions.length)
  for (const session of sessions) {
    const { bytesIn, bytesOut } = session.countBytes()
    const bytes = bytesIn + bytesOut
    const seen = watched.get(session)
    if (seen === undefined || seen.bytes !== bytes) {
      watched.set(session, { bytes, quietSinceMs: elapsedMs, isTold: false })
      continue
    }
    if (due <= 0 || elapsedMs - seen.quietSinceMs < pace.quietMs || session.parting?.kind !== 'watched' || !session.parting.isAtRest()) continue
    due -= 1
    seen.isTold = true
    session.end('shutdown')
  }
}

function isWatched(session: LiveSession): boolean {
  return session.parting?.kind === 'watched'
}

function wait(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
