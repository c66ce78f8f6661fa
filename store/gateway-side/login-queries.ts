/**
 * What the gateway reads: the login, the generation, the status of live devices. Short queries, compiled once, on its read-only connection.
 *
 * Invariant: none fetches more rows than it needs, whatever the number of devices of a mailbox or in the store (architecture §12).
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { DeviceId, NodeId, SessionId } from '../../base/ids.ts'
import { ANY_BUCKET } from '../passwords/tag.ts'
import { splitList } from '../schema/list-column.ts'
import type { DeviceStatus, LoginDevice, LoginRecord, Scope } from '../schema/login-record.ts'
import { mailboxOfAddress } from '../schema/mailbox-of-address.ts'
import { isOfMovedStore, movedAway } from '../schema/moved-store.ts'
import { type Param, prepareQuery } from '../schema/prepared-query.ts'
import { REVOKED_KEPT_MS } from '../schema/retention.ts'
import type { Schema } from '../schema/schema.ts'
import type { Changes } from './gateway-store.ts'

/** Standings are asked for in lists of one of these lengths, the last one filled up: three texts to prepare. 256 rows take well under a millisecond. */
const LIST_LENGTHS = [1, 32, 256] as const

/** More at once are an import: whoever asks begins anew. */
const MAX_CHANGES = 1_000

interface StatusColumns {
  readonly id: DeviceId
  readonly state: DeviceStatus['state']
  readonly mailbox_state: DeviceStatus['mailboxState']
  readonly user_state: DeviceStatus['userState']
  readonly scopes: string
  readonly expires_at: number | null
  readonly allow_from: string
  readonly password_version: number
  readonly kicked_at: number | null
}

export class LoginQueries {
  readonly #db: Kysely<Schema>
  readonly #login
  readonly #generation
  readonly #kicked
  readonly #statuses

  constructor(db: Kysely<Schema>) {
    this.#db = db
    this.#login = prepareQuery((param: Param<{ address: string; bucket: number; revokedAfter: number }>) => selectLogin(db, param))
    this.#generation = prepareQuery(() => db.selectFrom('generation').select('value'))
    this.#kicked = prepareQuery((param: Param<{ node: NodeId }>) =>
      db.selectFrom('sessions').select('id').where('node_id', '=', param('node')).where('kicked_at', 'is not', null),
    )
    this.#statuses = LIST_LENGTHS.map(length => ({
      length,
      query: prepareQuery((param: Param<Record<string, DeviceId>>) => selectStatuses(db, length, param)),
    }))
  }

  /** The mailbox whose address or alias it is, and those of its devices that are in `bucket` or in the one that is always fetched. */
  async findLogin(address: string, bucket: number, now: number): Promise<LoginRecord | undefined> {
    const { rows } = await this.#db.executeQuery(this.#login({ address, bucket, revokedAfter: now - REVOKED_KEPT_MS }))
    const [first] = rows
    const generation = await this.#checked(first?.generation)
    if (first === undefined || first.mailbox_id === null) return undefined
    const { mailbox_id: id, address: own, upstream, login, sealed_secret: sealedSecret, mailbox_state: state } = first as Found<typeof first>
    const mailbox = { id, address: own, upstream, login, sealedSecret, state }
    return { mailbox, devices: rows.flatMap(row => toLoginDevice(row)), generation }
  }

  async readGeneration(): Promise<number> {
    const { rows } = await this.#db.executeQuery(this.#generation({}))
    return this.#checked(rows[0]?.value)
  }

  /** Throws STORE_MOVED: what is said here holds no longer, also of an address that is not known here. */
  async #checked(generation: number | undefined): Promise<number> {
    if (generation !== undefined && isOfMovedStore(generation)) throw await movedAway(this.#db)
    // The row is made with the table and never deleted.
    return generation ?? Number.NaN
  }

  async findKickedSessions(node: NodeId): Promise<SessionId[]> {
    const { rows } = await this.#db.executeQuery(this.#kicked({ node }))
    return rows.map(({ id }) => id)
  }

  async readChanges(after: number | undefined): Promise<Changes> {
    const newest = await this.#db
      .selectFrom('audit')
      .select(({ fn }) => fn.max('id').as('id'))
      .executeTakeFirst()
    const last = Number(newest?.id ?? 0)
    if (after === undefined || after >= last) return { changes: [], last, isWhole: (after ?? last) === last }
    const rows = await this.#db
      .selectFrom('audit')
      .select(['action', 'subject_id as subjectId'])
      .where('id', '>', after)
      .where('id', '<=', last)
      .limit(MAX_CHANGES + 1)
      .execute()
    return { changes: rows.slice(0, MAX_CHANGES), last, isWhole: rows.length <= MAX_CHANGES }
  }

  async findDeviceStatuses(devices: readonly DeviceId[]): Promise<Map<DeviceId, DeviceStatus>> {
    const statuses = new Map<DeviceId, DeviceStatus>()
    const largest = LIST_LENGTHS[LIST_LENGTHS.length - 1] ?? 1
    for (let at = 0; at < devices.length; at += largest) {
      // Thousands of devices: the sessions get their turn between two lists.
      if (at > 0) await nextTurn()
      const list = devices.slice(at, at + largest)
      const { length, query } = this.#statuses.find(({ length }) => length >= list.length) ?? raise()
      const values = Object.fromEntries(Array.from({ length }, (_, index) => [String(index), list[index] ?? list[0]])) as Record<string, DeviceId>
      const { rows } = await this.#db.executeQuery(query(values))
      for (const row of rows) statuses.set(row.id, toStatus(row))
    }
    return statuses
  }
}

function selectLogin(db: Kysely<Schema>, param: Param<{ address: string; bucket: number; revokedAfter: number }>) {
  return (
    db
      // One row whether there is such a mailbox or not: the generation is told in any case. The limit tells a planner that never looked at the table.
      .selectFrom(db.selectFrom('generation').select('value').limit(sql.lit(1)).as('generation'))
      .leftJoin('mailboxes', join => join.on('mailboxes.id', '=', mailboxOfAddress(param('address'))))
      .leftJoin('devices', join =>
        join
          .onRef('devices.mailbox_id', '=', 'mailboxes.id')
          .on('devices.bucket', 'in', [ANY_BUCKET, param('bucket')])
          .on(({ or, eb }) => or([eb('devices.revoked_at', 'is', null), eb('devices.revoked_at', '>', param('revokedAfter'))])),
      )
      .select([
        'mailboxes.id as mailbox_id',
        'mailboxes.address',
        'mailboxes.upstream',
        'mailboxes.login',
        'mailboxes.sealed_secret',
        'mailboxes.state as mailbox_state',
      ])
      .select(['devices.id', 'devices.state', 'devices.scopes', 'devices.expires_at', 'devices.allow_from', 'devices.password_version', 'devices.kicked_at'])
      .leftJoin('users', 'users.id', 'devices.user_id')
      .select('generation.value as generation')
      .select(['devices.name', 'devices.kind', 'devices.phc', 'devices.tag', 'users.state as user_state'])
  )
}

/** A row with a mailbox: only what is null there too stays so. */
type Found<Row> = { [Column in keyof Row]: Column extends 'login' | 'sealed_secret' ? Row[Column] : NonNullable<Row[Column]> }

function selectStatuses(db: Kysely<Schema>, length: number, param: Param<Record<string, DeviceId>>) {
  return db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .leftJoin('users', 'users.id', 'devices.user_id')
    .select(['devices.id', 'devices.state', 'mailboxes.state as mailbox_state', 'devices.scopes', 'devices.expires_at', 'devices.allow_from'])
    .select(['devices.password_version', 'devices.kicked_at', 'users.state as user_state'])
    .where(
      'devices.id',
      'in',
      Array.from({ length }, (_, index) => param(String(index))),
    )
}

type LoginRow = Awaited<ReturnType<ReturnType<typeof selectLogin>['execute']>>[number]

/** None for the row of a mailbox in which no device can match. */
function toLoginDevice(row: LoginRow): LoginDevice[] {
  const { id, name, kind, phc, tag } = row
  if (id === null || name === null || kind === null || phc === null) return []
  return [{ ...toStatus(row as StatusColumns), name, kind, phc, tag }]
}

function toStatus(row: StatusColumns): DeviceStatus {
  return {
    id: row.id,
    state: row.state,
    mailboxState: row.mailbox_state,
    userState: row.user_state,
    scopes: splitList<Scope>(row.scopes),
    expiresAt: row.expires_at,
    allowFrom: splitList(row.allow_from),
    passwordVersion: row.password_version,
    kickedAt: row.kicked_at,
  }
}

function raise(): never {
  throw new RangeError('a list longer than the longest prepared one')
}
