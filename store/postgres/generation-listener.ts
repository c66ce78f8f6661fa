/**
 * Hears at once that the generation moved, and goes on to hear it when the connection is lost. For speed only: who must know looks too.
 * Behind PgBouncer in transaction mode nothing is ever heard.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { GENERATION_CHANNEL } from './postgres-ddl.ts'
import type { PostgresPool } from './postgres-pool.ts'

const RETRY_MS = 1_000

/** Does not wait for the first connection. Takes the pool over. */
export async function listenForGeneration(pool: PostgresPool, onMoved: () => void): Promise<{ stop(): Promise<void> }> {
  const stopped = new AbortController()
  const done = keepListening(pool, onMoved, stopped.signal)
  const stop = async (): Promise<void> => {
    stopped.abort()
    await done
    await pool.end()
  }
  return { stop }
}

async function keepListening(pool: PostgresPool, onMoved: () => void, stopped: AbortSignal): Promise<void> {
  while (!stopped.aborted) {
    try {
      await listenOnce(pool, onMoved, stopped)
    } catch {
      // Nothing is lost with it: whoever must know looks every second, and whoever reads says that the store is away.
    }
    // It may have moved while nobody listened.
    if (!stopped.aborted) onMoved()
    await wait(RETRY_MS, undefined, { signal: stopped, ref: false }).catch(() => undefined)
  }
}

async function listenOnce(pool: PostgresPool, onMoved: () => void, stopped: AbortSignal): Promise<void> {
  const ended = Promise.withResolvers<void>()
  const close = await pool.listen(GENERATION_CHANNEL, onMoved, ended.resolve)
  stopped.addEventListener('abort', () => ended.resolve(), { once: true })
  if (!stopped.aborted) await ended.promise
  close()
}
