/** Which nodes count as alive, by the heartbeats that they write into the store. */

/** Gateways write a heartbeat every second; ten missed ones are a gateway that is gone. */
const NODE_SILENCE_MS = 10_000

/** A node whose heartbeat is later than this is alive. */
export function liveSince(now: number): number {
  return now - NODE_SILENCE_MS
}
