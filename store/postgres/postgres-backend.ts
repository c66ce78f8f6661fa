/**
 * PostgreSQL (13 and newer) as a backend: any number of processes on any number of machines.
 *
 * Invariants: administrative changes follow each other under one advisory lock, so that what one has looked at stays so until it is committed;
 * everything holds until the end of its transaction and not longer (PgBouncer's transaction mode), but for what `listen` hears.
 */
import { Kysely, PostgresDialect, sql } from 'kysely'
import type { PostgresConfig } from '../../config/store-url.ts'
import type { Backend, BackendMode, SerialWork } from '../schema/backend.ts'
import type { Schema } from '../schema/schema.ts'
import { listenForGeneration } from './generation-listener.ts'
import { POSTGRES_DDL } from './postgres-ddl.ts'
import { POSTGRES_FEATURES } from './postgres-features.ts'
import { type PoolLimits, PostgresPool } from './postgres-pool.ts'
import { readClockAheadMs, readServerState } from './server-state.ts'

const LIMITS: Readonly<Record<BackendMode, PoolLimits>> = {
  // A login that waits for the store is told "later" within a second or so instead of hanging.
  read: { connections: 10, connectMs: 800, statementMs: 900, believedAwayMs: 500 },
  // A batch a second, and the counts of the limiter beside it.
  'write-records': { connections: 2, connectMs: 3_000, statementMs: 10_000, believedAwayMs: 0 },
  // A command uses one or two, the portal some; a migration takes as long as it takes.
  write: { connections: 5, connectMs: 10_000, statementMs: 0, believedAwayMs: 0 },
}

/** Numbers of advisory locks: "mwkt", and one for each kind of work. */
const LOCKS = 0x6d77_6b74
const LOCK_OF: Readonly<Record<SerialWork | 'change', number>> = { change: 1, activity: 2, limits: 3 }
/** As long as an administrator waits for others who change something. */
const TURN_WAIT = '30s'

/** SECURITY: also on a server that is set up to lose its last moments: a crash must not revive a revoked device. Where it waits for standbys it goes on to. */
const SURVIVES_CRASH = `select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off'`

/** Connects when first asked. Throws STORE_UNAVAILABLE when a file for TLS cannot be read. */
export function openPostgres(config: PostgresConfig, place: string, mode: BackendMode): Backend {
  const pool = new PostgresPool(config, place, LIMITS[mode])
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) })
  return {
    features: POSTGRES_FEATURES,
    db,
    ddl: POSTGRES_DDL,
    place,
    change: act =>
      db.transaction().execute(async transaction => {
        await sql
          .raw(`set local lock_timeout = '${TURN_WAIT}'; ${SURVIVES_CRASH}; select pg_advisory_xact_lock(${LOCKS}, ${LOCK_OF.change})`)
          .execute(transaction)
        return act(transaction)
      }),
    serialise: async (transaction, work) => void (await sql.raw(`select pg_advisory_xact_lock(${LOCKS}, ${LOCK_OF[work]})`).execute(transaction)),
    snapshot: async act => {
      // Of its own: it may take long, which the limits of those who only read would end.
      const patient = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: new PostgresPool(config, place, { ...LIMITS.write, connections: 1 }) }) })
      try {
        return await patient.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(act)
      } finally {
        await patient.destroy()
      }
    },
    listen: onMoved => listenForGeneration(new PostgresPool(config, place, { ...LIMITS.write, connections: 1 }), onMoved),
    examineServer: () => readServerState(db),
    readClockAheadMs: () => readClockAheadMs(db),
    close: () => pool.end(),
  }
}
