/**
 * What the gateway writes: last connections, activity, its sessions, what was sent, its heartbeat. Runs in the store's worker thread where a query would hold up the loop.
 *
 * Invariants: a batch is one transaction; rows are written in the order of their keys, so that two nodes never wait for each other in a circle.
 */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { DeviceId, NodeId } from '../../base/ids.ts'
import type { Backend } from '../schema/backend.ts'
import { type Param, prepareQuery } from '../schema/prepared-query.ts'
import { FUTURE_MS, PURGE_INTERVAL_MS, REPEAT_WINDOW_MS } from '../schema/retention.ts'
import type { ActivityTable, Schema } from '../schema/schema.ts'
import { SendingRecords } from '../sending/sending-records.ts'

import { type ActivityRecord, type Batch, type ConnectionRecord, mergeConnections, type NamedRecord, type SessionRow } from './gateway-store.ts'
import { forgetSessions, purge, trimActivity } from './purge.ts'

type Repeated = Pick<ActivityTable, 'address' | 'device_id' | 'result' | 'protocol' | 'ip' | 'app' | 'first_at' | 'last_at' | 'count'>

export class GatewayRecords {
  readonly #backend: Backend
  readonly #node: NodeId
  readonly #queries
  readonly #sending: SendingRecords
  #purgedAt = 0

  constructor(backend: Backend, node: NodeId) {
    const { db } = backend
    this.#backend = backend
    this.#node = node
    this.#sending = new SendingRecords(db)
    this.#queries = {
      connection: prepareQuery((param: Param<ConnectionRecord & { node: NodeId; future: number }>) => upsertConnection(db, param)),
      name: prepareQuery((param: Param<{ device: DeviceId; app: string }>) => nameConnection(db, param)),
      empty: prepareQuery((param: Param<Pick<Repeated, 'address' | 'device_id' | 'ip' | 'result'>>) => deleteEmpty(db, param)),
      nameless: prepareQuery((param: Param<Repeated>) => forgetNameless(db, param)),
      repeat: prepareQuery((param: Param<Repeated & { cursor: number; window: number }>) => countRepeat(db, param)),
      activity: prepareQuery((param: Param<Repeated & { cursor: number }>) => insertActivity(db, param)),
      session: prepareQuery((param: Param<SessionRow & { node: NodeId }>) => upsertSession(db, param)),
      ended: prepareQuery((param: Param<{ id: string; node: NodeId }>) =>
        db
          .deleteFrom('sessions')
          .where('id', '=', param('id') as never)
          .where('node_id', '=', param('node')),
      ),
      heartbeat: prepareQuery((param: Param<{ node: NodeId; at: number }>) =>
        db
          .insertInto('nodes')
          .values({ id: param('node'), heartbeat_at: param('at') })
          .onConflict(conflict => conflict.column('id').doUpdateSet({ heartbeat_at: param('at') })),
      ),
    }
  }

  /** Writes a batch and the heartbeat; now and then also purges. */
  async record(batch: Batch, now: number): Promise<void> {
    await this.#backend.db.transaction().execute(async db => {
      // First: whoever waits for it holds nothing that others wait for.
      if (batch.activity.length + (batch.named?.length ?? 0) > 0) await this.#backend.serialise(db, 'activity')
      for (const record of latestConnections(batch.connections)) {
        const { numAffectedRows } = await db.executeQuery(this.#queries.connection({ ...record, node: this.#node, future: now + FUTURE_MS }))
        if (numAffectedRows === 0n && record.app !== null) await db.executeQuery(this.#queries.name({ device: record.device, app: record.app }))
      }
      await this.#recordActivity(db, batch.activity)
      await this.#recordNames(db, batch.named ?? [])
      for (const session of batch.sessions.toSorted(byId)) await db.executeQuery(this.#queries.session({ ...session, node: this.#node }))
      for (const id of batch.endedSessions.toSorted()) await db.executeQuery(this.#queries.ended({ id, node: this.#node }))
      await this.#sending.recordSent(db, batch.sent ?? [])
      await this.#sending.recordKeywords(db, batch.keywords ?? [], now)
      await db.executeQuery(this.#queries.heartbeat({ node: this.#node, at: now }))
    })
    this.#backend.reserve?.keep()
    // The clock may have been set back.
    if (Math.abs(now - this.#purgedAt) < PURGE_INTERVAL_MS) return
    this.#purgedAt = now
    await this.#backend.db.transaction().execute(async db => {
      await this.#backend.serialise(db, 'activity')
      await this.#backend.serialise(db, 'limits')
      await purge(db, this.#node, now)
    })
  }

  /** Gives a device without a tag its tag; one that has one keeps it. */
  async setTag(device: DeviceId, tag: Uint8Array): Promise<void> {
    await this.#backend.db.updateTable('devices').set({ tag }).where('id', '=', device).where('tag', 'is', null).execute()
  }

  /** Removes what says that this node is there. */
  async leave(): Promise<void> {
    await this.#backend.db.transaction().execute(async db => {
      await forgetSessions(db, this.#node)
      await db.deleteFrom('nodes').where('id', '=', this.#node).execute()
    })
  }

  async #recordActivity(db: Transaction<Schema>, records: readonly ActivityRecord[]): Promise<void> {
    if (records.length === 0) return
    const newest = await db
      .selectFrom('activity')
      .select(({ fn }) => fn.max('cursor').as('cursor'))
      .executeTakeFirst()
    let cursor = Number(newest?.cursor ?? 0)
    const grown = new Set<DeviceId>()
    for (const row of countRepeats(records)) {
      cursor += 1
      const { numAffectedRows } = await db.executeQuery(this.#queries.repeat({ ...row, cursor, window: row.last_at - REPEAT_WINDOW_MS }))
      if (numAffectedRows !== 0n) continue
      await db.executeQuery(this.#queries.activity({ ...row, cursor }))
      if (row.device_id !== '') grown.add(row.device_id)
    }
    for (const device of grown) await trimActivity(db, device)
  }

  /** Each login moves from its row without a name to the one with it. What was trimmed or purged meanwhile is not written again. */
  async #recordNames(db: Transaction<Schema>, records: readonly NamedRecord[]): Promise<void> {
    const moved: NamedRecord[] = []
    for (const record of records) {
      const [row] = countRepeats([record])
      if (row === undefined || (await db.executeQuery(this.#queries.nameless(row))).numAffectedRows === 0n) continue
      await db.executeQuery(this.#queries.empty(row))
      moved.push(record)
    }
    await this.#recordActivity(db, moved)
  }
}

/** The latest record of each device with its app, in the order of their ids. */
function latestConnections(records: readonly ConnectionRecord[]): ConnectionRecord[] {
  const latest = new Map<DeviceId, ConnectionRecord>()
  for (const record of records) {
    const known = latest.get(record.device)
    latest.set(record.device, known === undefined ? record : mergeConnections(known, record))
  }
  return [...latest.values()].sort((a, b) => (a.device < b.device ? -1 : 1))
}

/** Attempts that differ only in their time as one row. A batch is a second of them, far less than the window. */
function countRepeats(records: readonly ActivityRecord[]): Repeated[] {
  const rows = new Map<string, Repeated>()
  for (const { at, address, device, result, protocol, ip, app } of records) {
    const key = JSON.stringify([address, device, result, protocol, ip, app])
    const known = rows.get(key)
    if (known === undefined) rows.set(key, { address, device_id: device ?? '', result, protocol, ip, app: app ?? '', first_at: at, last_at: at, count: 1 })
    else rows.set(key, { ...known, first_at: Math.min(known.first_at, at), last_at: Math.max(known.last_at, at), count: known.count + 1 })
  }
  return [...rows.values()]
}

function byId(a: SessionRow, b: SessionRow): number {
  return a.id < b.id ? -1 : 1
}

function upsertConnection(db: Kysely<Schema>, param: Param<ConnectionRecord & { node: NodeId; future: number }>) {
  return db
    .insertInto('last_connections')
    .columns(['device_id', 'at', 'ip', 'protocol', 'app', 'tls', 'node_id'])
    .expression(
      // Selected, not given: a device that was removed a moment ago must not fail the batch.
      db
        .selectFrom('devices')
        .select(['devices.id', param('at').as('at'), param('ip').as('ip'), param('protocol').as('protocol')])
        .select([param('app').as('app'), param('tls').as('tls'), param('node').as('node_id')])
        .where('devices.id', '=', param('device')),
    )
    .onConflict(conflict =>
      conflict
        .column('device_id')
        .doUpdateSet(({ ref, fn }) => ({
          at: ref('excluded.at'),
          ip: ref('excluded.ip'),
          protocol: ref('excluded.protocol'),
          // Only IMAP tells a name, and not in every connection.
          app: fn.coalesce('excluded.app', 'last_connections.app'),
          tls: ref('excluded.tls'),
          node_id: ref('excluded.node_id'),
        }))
        .where(eb => eb.or([eb('excluded.at', '>=', eb.ref('last_connections.at')), eb('last_connections.at', '>', param('future'))])),
    )
}

/** An earlier connection, written later or by another node, gives the name that the latest did not tell. */
function nameConnection(db: Kysely<Schema>, param: Param<{ device: DeviceId; app: string }>) {
  return db
    .updateTable('last_connections')
    .set({ app: param('app') })
    .where('device_id', '=', param('device'))
    .where('app', 'is', null)
}

/** Of the rows that were written without a name. */
function deleteEmpty(db: Kysely<Schema>, param: Param<Pick<Repeated, 'address' | 'device_id' | 'ip' | 'result'>>) {
  return db
    .deleteFrom('activity')
    .where('address', '=', param('address'))
    .where('device_id', '=', param('device_id'))
    .where('ip', '=', param('ip'))
    .where('result', '=', param('result'))
    .where('count', '<=', 0)
}

/** Takes one attempt off the row that was written without a name. */
function forgetNameless(db: Kysely<Schema>, param: Param<Repeated>) {
  const row = db
    .selectFrom('activity')
    .select('id')
    .where('address', '=', param('address'))
    .where('device_id', '=', param('device_id'))
    .where('ip', '=', param('ip'))
    .where('result', '=', param('result'))
    .where('protocol', '=', param('protocol'))
    .where('app', '=', '')
    .where('first_at', '<=', param('last_at'))
    .where('last_at', '>=', param('last_at'))
    .orderBy('cursor', 'desc')
    .limit(sql.lit(1))
  return db
    .updateTable('activity')
    .set(({ eb }) => ({ count: eb('count', '-', 1) }))
    .where('id', '=', row)
}

function countRepeat(db: Kysely<Schema>, param: Param<Repeated & { cursor: number; window: number }>) {
  // One row, the newest: where the clock was set back there are several within the window, and two cannot have the new cursor.
  const row = db
    .selectFrom('activity')
    .select('id')
    .where('address', '=', param('address'))
    .where('device_id', '=', param('device_id'))
    .where('ip', '=', param('ip'))
    .where('result', '=', param('result'))
    .where('protocol', '=', param('protocol'))
    .where('app', '=', param('app'))
    .where('first_at', '>', param('window'))
    .where('first_at', '<=', param('last_at'))
    .orderBy('cursor', 'desc')
    .limit(sql.lit(1))
  return db
    .updateTable('activity')
    .set(({ eb }) => ({ count: eb('count', '+', param('count')), last_at: param('last_at'), cursor: param('cursor') }))
    .where('id', '=', row)
}

function insertActivity(db: Kysely<Schema>, param: Param<Repeated & { cursor: number }>) {
  return db.insertInto('activity').values({
    cursor: param('cursor'),
    address: param('address'),
    device_id: param('device_id'),
    result: param('result'),
    protocol: param('protocol'),
    ip: param('ip'),
    app: param('app'),
    first_at: param('first_at'),
    last_at: param('last_at'),
    count: param('count'),
  })
}

function upsertSession(db: Kysely<Schema>, param: Param<SessionRow & { node: NodeId }>) {
  return (
    db
      .insertInto('sessions')
      .values({
        id: param('id'),
        node_id: param('node'),
        device_id: param('device'),
        protocol: param('protocol'),
        ip: param('ip'),
        app: param('app'),
        since: param('since'),
        bytes_in: param('bytesIn'),
        bytes_out: param('bytesOut'),
        kicked_at: null,
      })
      // A kick that came meanwhile stays.
      .onConflict(conflict => conflict.column('id').doUpdateSet({ app: param('app'), bytes_in: param('bytesIn'), bytes_out: param('bytesOut') }))
  )
}
