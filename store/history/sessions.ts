/**
 * Live sessions of all nodes, as their gateways wrote them down, and ending them.
 */
import { type Kysely, sql } from 'kysely'
import { parseAddress } from '../../base/address.ts'
import type { DeviceId, NodeId, SessionId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import { ambiguous, resolveDevice } from '../accounts/devices/device-names.ts'
import { kickColumns } from '../accounts/devices/kick.ts'
import { getMailboxRow } from '../accounts/mailbox-rows.ts'
import { type DeviceSet, isJoinedWithin } from '../accounts/mailbox-set.ts'
import { listAll, type Page, type PageRequest, readAll, readPage, type SortOrder } from '../schema/keyset.ts'
import { liveSince } from '../schema/node-liveness.ts'
import type { Schema } from '../schema/schema.ts'
import type { Change, StoreContext } from '../store-context.ts'

export interface Session {
  readonly id: SessionId
  readonly node: NodeId
  readonly device: DeviceId
  /** null once the device is gone from the store. */
  readonly deviceName: string | null
  readonly mailbox: string | null
  readonly protocol: 'imap' | 'submission'
  readonly ip: string
  readonly app: string | null
  readonly since: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export type KickTarget = { readonly ids: readonly string[] } | { readonly device: string } | { readonly mailbox: string }

export interface SessionFilter {
  /** ID, the beginning of one, or `ADDR/NAME`. */
  readonly device?: string | undefined
  readonly mailbox?: string | undefined
  /** Of mailboxes of this domain. */
  readonly domain?: string | undefined
  /** Of mailboxes of this upstream. */
  readonly upstream?: string | undefined
  readonly within?: DeviceSet | undefined
  readonly protocol?: Session['protocol'] | undefined
}

/** `since`: the longest first. `mailbox`: by address, then the longest first. */
export type SessionSort = 'since' | 'mailbox'

const since = { column: sql.ref('sessions.since'), valueOf: (row: Session) => row.since }
const byId = { column: sql.ref('sessions.id'), valueOf: (row: Session) => row.id }

const ORDERS: Readonly<Record<SessionSort, SortOrder<Session>>> = {
  since: { name: 'since', direction: 'asc', keys: [since, byId] },
  mailbox: {
    name: 'mailbox',
    direction: 'asc',
    keys: [{ column: sql`coalesce(${sql.ref('mailboxes.address')}, '')`, valueOf: row => row.mailbox ?? '' }, since, byId],
  },
}

/** One more than an error message shows. */
const MAX_CANDIDATES = 6

export class Sessions {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Longest first unless told. Throws NOT_FOUND (no such device or mailbox), BAD_INPUT when `after` is not of this list. */
  async page({
    filter = {},
    sort = 'since',
    ...request
  }: PageRequest<SessionSort> & { readonly filter?: SessionFilter | undefined } = {}): Promise<Page<Session>> {
    return readPage<Session>(selectSessionColumns(await this.#filtered(filter)), ORDERS[sort], request)
  }

  /** One after the other, longest first, in constant memory. */
  all(filter: SessionFilter = {}): AsyncGenerator<Session> {
    return readAll(request => this.page({ ...request, filter }))
  }

  /** Longest first. For what is known to be short: `all` and `page` are for any. */
  list(filter: SessionFilter = {}): Promise<Session[]> {
    return listAll(this.all(filter))
  }

  /** By its whole ID. */
  find(id: string): Promise<Session | undefined> {
    const query = selectSessionColumns(selectLive(this.#context.db, this.#context.now()))
    return query.where('sessions.id', '=', id as SessionId).executeTakeFirst()
  }

  async count(filter: SessionFilter = {}): Promise<number> {
    const { n } = await (await this.#filtered(filter)).select(({ fn }) => fn.countAll<number>().as('n')).executeTakeFirstOrThrow()
    return Number(n)
  }

  /** Ends sessions: each gateway does it as soon as it sees the generation move. Returns how many live ones are meant. Throws NOT_FOUND, AMBIGUOUS_ID. */
  async kick(target: KickTarget): Promise<{ readonly sessions: number }> {
    return this.#context.change(async change => {
      if ('ids' in target) return this.#kickSessions(change, target.ids)
      if ('device' in target) {
        const id = await resolveDevice(change.db, target.device)
        return this.#kickDevices(change, [id])
      }
      const mailbox = await getMailboxRow(change.db, parseAddress(target.mailbox))
      const devices = await change.db.selectFrom('devices').select('id').where('mailbox_id', '=', mailbox.id).where('state', '<>', 'revoked').execute()
      return this.#kickDevices(
        change,
        devices.map(({ id }) => id),
      )
    })
  }

  async #kickSessions(change: Change, refs: readonly string[]): Promise<{ sessions: number }> {
    const kicked = new Map<SessionId, Session>()
    for (const ref of refs) {
      const session = await this.#resolve(change.db, ref)
      kicked.set(session.id, session)
    }
    for (const session of kicked.values()) {
      await change.db.updateTable('sessions').set({ kicked_at: change.at }).where('id', '=', session.id).execute()
      const subject = session.mailbox === null ? session.device : `${session.mailbox}/${session.deviceName}`
      await change.audit({
        action: 'session.kicked',
        subject,
        subjectId: session.device,
        before: null,
        after: { session: session.id, ip: session.ip, app: session.app },
      })
    }
    await change.moveGeneration()
    return { sessions: kicked.size }
  }

  async #kickDevices(change: Change, ids: readonly DeviceId[]): Promise<{ sessions: number }> {
    let all = 0
    for (const id of ids) {
      const device = await change.db
        .updateTable('devices')
        .set(kickColumns(change.at))
        .where('id', '=', id)
        .returning(['name', 'mailbox_id'])
        .executeTakeFirstOrThrow()
      const mailbox = await change.db.selectFrom('mailboxes').select('address').where('id', '=', device.mailbox_id).executeTakeFirstOrThrow()
      const { n } = await selectLive(change.db, this.#context.now())
        .where('sessions.device_id', '=', id)
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .executeTakeFirstOrThrow()
      const sessions = Number(n)
      all += sessions
      await change.audit({ action: 'device.kicked', subject: `${mailbox.address}/${device.name}`, subjectId: id, before: null, after: { sessions } })
    }
    await change.moveGeneration()
    return { sessions: all }
  }

  /** The one live session whose ID begins so. */
  async #resolve(db: Kysely<Schema>, ref: string): Promise<Session> {
    const prefix = ref.toLowerCase()
    const candidates = !/^[0-9a-z]+$/.test(prefix)
      ? []
      : await selectSessionColumns(selectLive(db, this.#context.now()))
          .where('sessions.id', '>=', prefix as SessionId)
          // "{" follows "z": every ID that begins with the prefix lies between.
          .where('sessions.id', '<', `${prefix}{` as SessionId)
          .orderBy('sessions.id')
          .limit(MAX_CANDIDATES)
          .execute()
    const [session] = candidates
    if (session === undefined) throw new Problem('session.unknown', { ref })
    if (candidates.length > 1)
      throw ambiguous(
        ref,
        candidates.map(({ id, mailbox, deviceName }) => `${id} (${mailbox}/${deviceName})`),
      )
    return session
  }

  async #filtered({ device, mailbox, domain, upstream, within, protocol }: SessionFilter) {
    const { db } = this.#context
    let query = selectLive(db, this.#context.now())
    if (device !== undefined) query = query.where('sessions.device_id', '=', await resolveDevice(db, device))
    if (mailbox !== undefined) query = query.where('devices.mailbox_id', '=', (await getMailboxRow(db, parseAddress(mailbox))).id)
    if (domain !== undefined) query = query.where('mailboxes.domain', '=', domain)
    if (upstream !== undefined) query = query.where('mailboxes.upstream', '=', upstream)
    if (within !== undefined) query = query.where(isJoinedWithin(within))
    if (protocol !== undefined) query = query.where('sessions.protocol', '=', protocol)
    return query
  }
}

function selectLive(db: Kysely<Schema>, now: number) {
  return db
    .selectFrom('sessions')
    .innerJoin('nodes', 'nodes.id', 'sessions.node_id')
    .leftJoin('devices', 'devices.id', 'sessions.device_id')
    .leftJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .where('nodes.heartbeat_at', '>', liveSince(now))
}

function selectSessionColumns(query: ReturnType<typeof selectLive>) {
  return query
    .select(['sessions.id', 'sessions.node_id as node', 'sessions.device_id as device', 'devices.name as deviceName', 'mailboxes.address as mailbox'])
    .select(['sessions.protocol', 'sessions.ip', 'sessions.app', 'sessions.since', 'sessions.bytes_in as bytesIn', 'sessions.bytes_out as bytesOut'])
}
