/**
 * Migration passwords: until a date the upstream's own password of a mailbox is accepted too, so that its apps can move one by one (architecture §3).
 *
 * In the store this is a device (`migration-rows.ts`): its expiry is the date, and revocation, last connection, scopes, networks and sessions
 * are those of every device. Here are the changes of many mailboxes, and who still uses it; one mailbox is changed in `mailboxes.ts`.
 */
import { type Kysely, sql } from 'kysely'
import type { DeviceId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import { listAll, readLongPage, readSorted, type SortOrder } from '../schema/keyset.ts'
import type { MailboxState } from '../schema/login-record.ts'
import type { Schema } from '../schema/schema.ts'
import type { StoreContext } from '../store-context.ts'
import { type Device, selectDevices, toDevice } from './devices/device-rows.ts'
import { setMigrationPasswordUntil } from './migration-rows.ts'

/** One mailbox that takes its upstream password, or did until its date. */
export interface MigrationPasswordUse {
  readonly address: string
  /** Milliseconds since 1970, UTC. */
  readonly until: number
  /** `legacy`: accepted now; `expired`: no longer; `disabled`: not now. */
  readonly state: Device['state']
  /** App passwords that the mailbox has. */
  readonly devices: number
  /** With the upstream password. */
  readonly lastConnection: Device['lastConnection']
  /** Live now, with the upstream password. */
  readonly sessions: number
}

export interface MigrationFilter {
  /** Of mailboxes of this domain. */
  readonly domain?: string | undefined
  /** Of mailboxes of this upstream. */
  readonly upstream?: string | undefined
  /** Of mailboxes that are so. */
  readonly state?: MailboxState | undefined
}

type KeyRow = { readonly id: DeviceId; readonly address: string; readonly at: number | null }

const LAST_USED_FIRST: SortOrder<KeyRow> = {
  name: 'last-used',
  direction: 'asc',
  keys: [
    { column: sql`-coalesce(${sql.ref('last_connections.at')}, 0)`, valueOf: row => -(row.at ?? 0) },
    { column: sql.ref('mailboxes.address'), valueOf: row => row.address },
  ],
}

/** One transaction for so many mailboxes: gateways write their records between two. */
const MAILBOXES_PER_CHANGE = 200

export class MigrationPasswords {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Of every mailbox whose address ends in `@domain`; null ends it. Throws NOT_FOUND when there is none. */
  async setForDomain(
    domain: string,
    until: number | null,
    onProgress: (state: { readonly done: number; readonly total: number }) => void = () => {},
  ): Promise<{ readonly mailboxes: number; readonly changed: number }> {
    const mailboxes = await this.#context.db.selectFrom('mailboxes').select(['id', 'address']).where('domain', '=', domain).orderBy('address').execute()
    if (mailboxes.length === 0) throw new Problem('domain.unknown', { domain })
    let changed = 0
    for (let at = 0; at < mailboxes.length; at += MAILBOXES_PER_CHANGE) {
      const part = mailboxes.slice(at, at + MAILBOXES_PER_CHANGE)
      await this.#context.change(async change => {
        for (const mailbox of part) if (await setMigrationPasswordUntil(change, mailbox, until)) changed += 1
      })
      onProgress({ done: at + part.length, total: mailboxes.length })
    }
    return { mailboxes: mailboxes.length, changed }
  }

  /** Who used it last comes first, who never did last: one after the other, in constant memory. */
  all({ domain, upstream, state }: MigrationFilter = {}, most?: number): AsyncGenerator<MigrationPasswordUse> {
    const { db, now } = this.#context
    let query = db
      .selectFrom('devices')
      .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
      .leftJoin('last_connections', 'last_connections.device_id', 'devices.id')
      .select(['devices.id', 'mailboxes.address', 'last_connections.at'])
      .where('devices.kind', '=', 'legacy')
      .where('devices.state', '<>', 'revoked')
    if (domain !== undefined) query = query.where('mailboxes.domain', '=', domain)
    if (upstream !== undefined) query = query.where('mailboxes.upstream', '=', upstream)
    if (state !== undefined) query = query.where('mailboxes.state', '=', state)
    return readSorted(
      request => readLongPage<KeyRow>(query, LAST_USED_FIRST, request),
      keys => showUses(db, now(), keys),
      most,
    )
  }

  /** For what is known to be short. */
  list(): Promise<MigrationPasswordUse[]> {
    return listAll(this.all())
  }
}

async function showUses(db: Kysely<Schema>, now: number, keys: readonly KeyRow[]): Promise<MigrationPasswordUse[]> {
  if (keys.length === 0) return []
  const rows = await selectDevices(db, now)
    .select(row =>
      row
        .selectFrom('devices as own')
        .select(count => count.fn.countAll<number>().as('n'))
        .whereRef('own.mailbox_id', '=', 'devices.mailbox_id')
        .where('own.state', '<>', 'revoked')
        .where('own.kind', '<>', 'legacy')
        .as('own_devices'),
    )
    .where(
      'devices.id',
      'in',
      keys.map(({ id }) => id),
    )
    .execute()
  const uses = new Map(
    rows.map(row => {
      const { id, mailbox: address, state, expiresAt, lastConnection, sessions } = toDevice(row, now)
      return [id, { address, until: expiresAt ?? 0, state, devices: Number(row.own_devices ?? 0), lastConnection, sessions }]
    }),
  )
  return keys.flatMap(({ id }) => uses.get(id) ?? [])
}
