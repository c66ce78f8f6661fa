/**
 * What `check` tells of the server: version, clock, rights, standbys.
 */
import { type Kysely, sql } from 'kysely'
import type { ServerState } from '../schema/backend.ts'
import type { Schema } from '../schema/schema.ts'

/** PostgreSQL 13. */
const OLDEST = 130_000

export async function readServerState(db: Kysely<Schema>): Promise<ServerState> {
  const { rows } = await sql<{ version: string; number: number; may_create: boolean }>`
    select current_setting('server_version') as version, current_setting('server_version_num')::bigint as number,
      has_schema_privilege(current_schema(), 'create') as may_create`.execute(db)
  // Who may not look at the standbys sees them without their lag.
  const replicas = await sql<{ n: number; lag: number | null }>`
    select count(*) as n, floor(extract(epoch from max(replay_lag)) * 1000)::bigint as lag from pg_stat_replication`.execute(db)
  const [server, replica] = [rows[0], replicas.rows[0]]
  if (server === undefined || replica === undefined) throw new TypeError('a query without a row')
  return {
    version: `PostgreSQL ${server.version.split(' ')[0]}`,
    isTooOld: server.number < OLDEST,
    clockAheadMs: await readClockAheadMs(db),
    mayMakeTables: server.may_create,
    standbys: replica.n,
    replayLagMs: replica.lag,
  }
}

export async function readClockAheadMs(db: Kysely<Schema>): Promise<number> {
  const before = Date.now()
  const { rows } = await sql<{ now: number }>`select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now`.execute(db)
  const between = (before + Date.now()) / 2
  return Math.round((rows[0]?.now ?? between) - between)
}
