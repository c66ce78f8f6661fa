/**
 * Connections to PostgreSQL: the only file that knows pg. A pool for each host, of which the first that answers is used.
 *
 * Invariants: every failure leaves as an error of ours; a connection on which anything but a statement failed is never used again;
 * no statement has a name, so that it does not matter which server process gets it (PgBouncer's transaction mode).
 */
import { readFileSync } from 'node:fs'
import type { PostgresPool as KyselyPool, PostgresPoolClient } from 'kysely'
import pg from 'pg'
import type { MailwicketError } from '../../base/errors.ts'
import type { PostgresConfig, PostgresHost, PostgresTls } from '../../config/store-url.ts'
import { cancelStatement } from './cancel-statement.ts'
import { readPasswordFile } from './password-file.ts'
import { type PostgresFailure, storeErrorOf } from './postgres-errors.ts'

export interface PoolLimits {
  readonly connections: number
  readonly connectMs: number
  /** For one statement; 0: as long as it takes. */
  readonly statementMs: number
  /** After nobody answered, how long others who ask hear so at once; 0: everybody tries. */
  readonly believedAwayMs: number
}

/** Numbers, which pg leaves as text because some are larger than JavaScript's; ours are not. */
const PLAIN_NUMBERS = new Set<number>([pg.types.builtins.INT8, pg.types.builtins.NUMERIC])
/** A load balancer between may drop what was silent for long. */
const MAX_LIFETIME_SECONDS = 3_600

// Asked where neither the URL nor PGPASSWORD has one.
Object.assign(pg.defaults, { password: readPasswordFile })

export class PostgresPool implements KyselyPool {
  /** kysely looks for what it needs to cancel queries, which nobody asks it to. */
  readonly options = {}
  readonly #place: string
  readonly #pools: readonly pg.Pool[]
  readonly #believedAwayMs: number
  #current = 0
  #answeredAt = 0
  #away: { readonly error: MailwicketError; readonly until: number } | undefined

  /** Nothing is connected yet. Throws STORE_UNAVAILABLE when a file for TLS cannot be read. */
  constructor(config: PostgresConfig, place: string, limits: PoolLimits) {
    this.#place = place
    this.#believedAwayMs = limits.believedAwayMs
    const tls = readTls(config.tls, place)
    // All hosts together have the time that one has.
    const connectMs = Math.ceil(limits.connectMs / config.hosts.length)
    this.#pools = config.hosts.map(host => openPool(config, host, tls, { ...limits, connectMs }))
  }

  /** From the host that answered last, else from the next. Throws STORE_UNAVAILABLE, NOT_FOUND (no such database). */
  async connect(): Promise<PostgresPoolClient> {
    const { client } = await this.#connect()
    return client
  }

  /** Hears a channel until the connection is lost (`onEnd`) or closed. */
  async listen(channel: string, onNotice: () => void, onEnd: () => void): Promise<() => void> {
    const { client, raw } = await this.#connect()
    raw.on('notification', onNotice)
    raw.on('end', onEnd)
    try {
      await client.query(`listen ${channel}`, [])
    } catch (error) {
      client.release(true)
      throw error
    }
    return () => {
      raw.off('end', onEnd)
      client.release(true)
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#pools.map(pool => pool.end()))
  }

  async #connect(): Promise<{ client: PostgresPoolClient; raw: pg.PoolClient }> {
    const startedAt = performance.now()
    if (this.#away !== undefined && startedAt < this.#away.until) throw this.#away.error
    const failures: unknown[] = []
    for (let tries = 0; tries < this.#pools.length; tries++) {
      const at = (this.#current + tries) % this.#pools.length
      const pool = this.#pools[at]
      if (pool === undefined) continue
      try {
        const raw = await pool.connect()
        this.#current = at
        return { client: this.#guard(raw), raw }
      } catch (error) {
        failures.push(error)
      }
    }
    throw this.#silent(failures.length === 1 ? failures[0] : new AggregateError(failures), startedAt)
  }

  /** Nobody heard anything meanwhile: whoever asks next need not find out for himself. */
  #silent(failure: unknown, since: number): MailwicketError {
    const error = storeErrorOf(failure, this.#place)
    if (this.#believedAwayMs > 0 && this.#answeredAt < since) this.#away = { error, until: performance.now() + this.#believedAwayMs }
    return error
  }

  #guard(raw: pg.PoolClient): PostgresPoolClient {
    let isBroken = false
    let cancelled: Promise<void> | undefined
    // Lost between two statements: the next one says so.
    const onError = (): void => {
      isBroken = true
    }
    raw.on('error', onError)
    const release = (destroy?: boolean): void => {
      const giveBack = (): void => {
        raw.off('error', onError)
        raw.release(destroy === true || isBroken)
      }
      if (cancelled === undefined) giveBack()
      else void cancelled.then(giveBack)
    }
    const query = async (text: string, parameters: readonly unknown[]) => {
      const startedAt = performance.now()
      try {
        const answer = await (parameters.length === 0 ? raw.query(text) : raw.query({ text, values: [...parameters] }))
        this.#answeredAt = performance.now()
        this.#away = undefined
        return answer
      } catch (error) {
        isBroken ||= isFatal(error)
        if (!isTimeout(error)) throw storeErrorOf(error, this.#place)
        cancelled = cancelStatement(raw)
        throw this.#silent(error, startedAt)
      }
    }
    return { query: query as unknown as PostgresPoolClient['query'], release }
  }
}

/** Whether the connection is of no use any more: it was lost or left in the middle, or its server was made a standby. */
function isFatal(error: unknown): boolean {
  const { code = '' } = error as PostgresFailure
  // A statement that failed has a code of five characters; classes 08, 57 and 58 say that the server or the way there is gone.
  return !/^[0-9A-Z]{5}$/.test(code) || /^(08|57|58)/.test(code) || code === '25006'
}

/** pg's own; it has no code. */
function isTimeout(error: unknown): boolean {
  return (error as Error).message === 'Query read timeout'
}

function openPool(config: PostgresConfig, { host, port }: PostgresHost, ssl: pg.PoolConfig['ssl'], limits: PoolLimits): pg.Pool {
  const { user, database, password, mustWrite } = config
  const pool = new pg.Pool({
    host,
    port,
    user,
    database,
    ...(password === undefined ? {} : { password }),
    ssl,
    max: limits.connections,
    connectionTimeoutMillis: limits.connectMs,
    ...(limits.statementMs === 0 ? {} : { query_timeout: limits.statementMs }),
    idleTimeoutMillis: 0,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    keepAlive: true,
    application_name: 'mailwicket',
    types: { getTypeParser: parserOf },
    ...(mustWrite ? { onConnect: checkWritable } : {}),
  })
  // An idle connection that is lost: the next who asks gets another.
  pool.on('error', () => {})
  return pool
}

/** libpq's target_session_attrs=read-write. */
async function checkWritable(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ transaction_read_only: string }>('show transaction_read_only')
  if (rows[0]?.transaction_read_only !== 'off') throw new Error('it only reads: a standby')
}

function parserOf(oid: number, format?: 'text' | 'binary') {
  if (PLAIN_NUMBERS.has(oid)) return Number
  return format === 'binary' ? pg.types.getTypeParser(oid, 'binary') : pg.types.getTypeParser(oid, 'text')
}

/** SECURITY: as libpq has it: `require` is for a way that is known to be safe against more than listening. */
function readTls({ mode, ca, cert, key }: PostgresTls, place: string): pg.PoolConfig['ssl'] {
  if (mode === 'disable') return false
  try {
    return {
      rejectUnauthorized: mode !== 'require',
      ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
      ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
      ...(key === undefined ? {} : { key: readFileSync(key) }),
      ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
    }
  } catch (error) {
    throw storeErrorOf(error, place)
  }
}
