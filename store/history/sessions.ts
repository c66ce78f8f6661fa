/**
 * Live sessions of all nodes, as their gateways wrote them down, and ending them.
 */
import { parseAddress } from '../../base/address.ts'
import { MailwicketError } from '../../base/errors.ts'
import type { DeviceId, NodeId, SessionId } from '../../base/ids.ts'
import { ambiguous, resolveDevice } from '../accounts/device-names.ts'
import { kickColumns } from '../accounts/kick.ts'
import { getMailboxRow } from '../accounts/mailboxes.ts'
import { liveSince } from '../schema/node-liveness.ts'
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

export class Sessions {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Longest first; of all devices, one device or one mailbox. */
  async list({ device, mailbox }: { readonly device?: string | undefined; readonly mailbox?: string | undefined } = {}): Promise<Session[]> {
    const { db } = this.#context
    const deviceId = device === undefined ? undefined : await resolveDevice(db, device)
    const mailboxId = mailbox === undefined ? undefined : (await getMailboxRow(db, parseAddress(mailbox))).id
    let query = this.#select(db)
    if (deviceId !== undefined) query = query.where('sessions.device_id', '=', deviceId)
    if (mailboxId !== undefined) query = query.where('devices.mailbox_id', '=', mailboxId)
    return query.orderBy('sessions.since').orderBy('sessions.id').execute()
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
    const live = await this.#select(change.db).execute()
    const kicked = new Map<SessionId, Session>()
    for (const ref of refs) {
      const candidates = live.filter(({ id }) => id.startsWith(ref.toLowerCase()))
      const [session] = candidates
      if (session === undefined || ref === '')
        throw new MailwicketError('NOT_FOUND', { message: `there is no live session ${ref}`, remedy: 'List them with `session list`.' })
      if (candidates.length > 1)
        throw ambiguous(
          ref,
          candidates.map(({ id, mailbox, deviceName }) => `${id} (${mailbox}/${deviceName})`),
        )
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
    const live = (await this.#select(change.db).execute()).filter(session => ids.includes(session.device))
    for (const id of ids) {
      const device = await change.db
        .updateTable('devices')
        .set(kickColumns(change.at))
        .where('id', '=', id)
        .returning(['name', 'mailbox_id'])
        .executeTakeFirstOrThrow()
      const mailbox = await change.db.selectFrom('mailboxes').select('address').where('id', '=', device.mailbox_id).executeTakeFirstOrThrow()
      const sessions = live.filter(session => session.device === id).length
      await change.audit({ action: 'device.kicked', subject: `${mailbox.address}/${device.name}`, subjectId: id, before: null, after: { sessions } })
    }
    await change.moveGeneration()
    return { sessions: live.length }
  }

  #select(db: StoreContext['db']) {
    return db
      .selectFrom('sessions')
      .innerJoin('nodes', 'nodes.id', 'sessions.node_id')
      .leftJoin('devices', 'devices.id', 'sessions.device_id')
      .leftJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
      .select(['sessions.id', 'sessions.node_id as node', 'sessions.device_id as device', 'devices.name as deviceName', 'mailboxes.address as mailbox'])
      .select(['sessions.protocol', 'sessions.ip', 'sessions.app', 'sessions.since', 'sessions.bytes_in as bytesIn', 'sessions.bytes_out as bytesOut'])
      .where('nodes.heartbeat_at', '>', liveSince(this.#context.now()))
  }
}
