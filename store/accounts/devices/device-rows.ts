/**
 * Devices as rows and as the command line shows them.
 */
import type { Kysely, Selectable } from 'kysely'
import type { DeviceId, NodeId } from '../../../base/ids.ts'
import { formatCidr, parseCidr } from '../../../base/network.ts'
import { Problem } from '../../../base/problems.ts'
import { splitList } from '../../schema/list-column.ts'
import type { MailboxState, PasswordKind, Scope, UserState } from '../../schema/login-record.ts'
import { liveSince } from '../../schema/node-liveness.ts'
import type { DevicesTable, Schema } from '../../schema/schema.ts'
import { nameKeyOf, noDevice } from './device-names.ts'

export interface LastConnection {
  readonly at: number
  readonly ip: string
  readonly protocol: 'imap' | 'submission'
  readonly app: string | null
  readonly tls: string | null
  readonly node: NodeId
}

export interface Device {
  readonly id: DeviceId
  /** Address of its mailbox. */
  readonly mailbox: string
  readonly mailboxState: MailboxState
  readonly name: string
  /** `expired`: active, but its time is over; `legacy`: active, and what it stands for is the upstream's own password. */
  readonly state: 'active' | 'legacy' | 'disabled' | 'expired' | 'revoked'
  readonly scopes: readonly Scope[]
  /** Login of the user it is linked to. */
  readonly user: string | null
  readonly userState: UserState | null
  readonly expiresAt: number | null
  /** CIDR blocks; empty: everywhere. */
  readonly allowFrom: readonly string[]
  readonly kind: PasswordKind
  readonly createdAt: number
  readonly passwordChangedAt: number
  readonly revokedAt: number | null
  readonly lastConnection: LastConnection | null
  /** Live sessions on all nodes. */
  readonly sessions: number
}

export const SCOPES: readonly Scope[] = ['imap', 'smtp']

/** The columns of what a person sets. Throws BAD_INPUT. */
export function termColumns({
  scopes,
  expiresAt,
  allowFrom,
}: {
  readonly scopes: readonly Scope[]
  readonly expiresAt: number | null
  readonly allowFrom: readonly string[]
}) {
  const unknown = scopes.find(scope => !SCOPES.includes(scope))
  if (unknown !== undefined) throw new Problem('device.scope-unknown', { scope: unknown })
  if (scopes.length === 0) throw new Problem('device.scope-missing', {})
  if (expiresAt !== null && !Number.isSafeInteger(expiresAt)) throw new Problem('device.expiry-form', {})
  return { scopes: [...new Set(scopes)].sort().join(','), expires_at: expiresAt, allow_from: [...new Set(allowFrom.map(parseBlock))].join(',') }
}

function parseBlock(text: string): string {
  try {
    return formatCidr(parseCidr(text.trim()))
  } catch (error) {
    throw new Problem('device.network-form', { text, wrong: (error as Error).message }, error)
  }
}

export function selectDevices(db: Kysely<Schema>, now: number) {
  return db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .leftJoin('users', 'users.id', 'devices.user_id')
    .leftJoin('last_connections', 'last_connections.device_id', 'devices.id')
    .select([
      'devices.id',
      'mailboxes.address',
      'mailboxes.state as mailbox_state',
      'devices.name',
      'devices.state',
      'devices.scopes',
      'devices.expires_at',
      'devices.allow_from',
      'devices.kind',
    ])
    .select(['devices.created_at', 'devices.password_changed_at', 'devices.revoked_at', 'users.login as user', 'users.state as user_state'])
    .select([
      'last_connections.at',
      'last_connections.ip',
      'last_connections.protocol',
      'last_connections.app',
      'last_connections.tls',
      'last_connections.node_id',
    ])
    .select(row =>
      row
        .selectFrom('sessions')
        .innerJoin('nodes', 'nodes.id', 'sessions.node_id')
        .select(count => count.fn.countAll<number>().as('n'))
        .whereRef('sessions.device_id', '=', 'devices.id')
        .where('nodes.heartbeat_at', '>', liveSince(now))
        .as('sessions'),
    )
}

type DeviceRow = Awaited<ReturnType<ReturnType<typeof selectDevices>['execute']>>[number]

export function toDevice(row: DeviceRow, now: number): Device {
  const { at, ip, protocol, node_id: node } = row
  return {
    id: row.id,
    mailbox: row.address,
    mailboxState: row.mailbox_state,
    name: row.name,
    state: stateOf(row, now),
    scopes: splitList<Scope>(row.scopes),
    user: row.user,
    userState: row.user_state,
    expiresAt: row.expires_at,
    allowFrom: splitList(row.allow_from),
    kind: row.kind,
    createdAt: row.created_at,
    passwordChangedAt: row.password_changed_at,
    revokedAt: row.revoked_at,
    lastConnection: at === null || ip === null || protocol === null || node === null ? null : { at, ip, protocol, app: row.app, tls: row.tls, node },
    sessions: Number(row.sessions ?? 0),
  }
}

function stateOf({ state, kind, expires_at: expiresAt }: DeviceRow, now: number): Device['state'] {
  if (state !== 'active') return state
  if (expiresAt !== null && expiresAt <= now) return 'expired'
  return kind === 'legacy' ? 'legacy' : 'active'
}

export async function getDevice(db: Kysely<Schema>, id: DeviceId, now: number): Promise<Device> {
  const row = await selectDevices(db, now).where('devices.id', '=', id).executeTakeFirst()
  if (row === undefined) throw noDevice(id)
  return toDevice(row, now)
}

export async function getDeviceRow(
  db: Kysely<Schema>,
  id: DeviceId,
): Promise<Selectable<DevicesTable> & { readonly address: string; readonly user: string | null }> {
  const row = await db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .leftJoin('users', 'users.id', 'devices.user_id')
    .selectAll('devices')
    .select(['mailboxes.address', 'users.login as user'])
    .where('devices.id', '=', id)
    .executeTakeFirst()
  if (row === undefined) throw noDevice(id)
  return row
}

/** Throws ALREADY_EXISTS when a device of the mailbox that is not revoked has this name. */
export async function checkNameIsFree(
  db: Kysely<Schema>,
  mailbox: Pick<Selectable<DevicesTable>, 'mailbox_id'> & { readonly address: string },
  name: string,
  except: DeviceId | null,
): Promise<void> {
  const holder = await db
    .selectFrom('devices')
    .select(['id', 'name'])
    .where('mailbox_id', '=', mailbox.mailbox_id)
    .where('name_key', '=', nameKeyOf(name))
    .where('state', '<>', 'revoked')
    .executeTakeFirst()
  if (holder !== undefined && holder.id !== except) throw new Problem('device.name-taken', { mailbox: mailbox.address, name: holder.name, id: holder.id })
}

export function checkNotRevoked(device: { readonly state: DevicesTable['state']; readonly address: string; readonly name: string }): void {
  if (device.state === 'revoked') throw new Problem('device.revoked', { mailbox: device.address, name: device.name })
}
