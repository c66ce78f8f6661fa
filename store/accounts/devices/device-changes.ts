/**
 * The changes of a device's row, each with its audit entry and its move of the generation: for `devices.ts` and for imports.
 */

import type { DeviceId, MailboxId, UserId } from '../../../base/ids.ts'
import type { AuditAction } from '../../schema/audit-words.ts'
import { splitList } from '../../schema/list-column.ts'
import { type AuditFacts, type Change, changedFacts } from '../../store-context.ts'
import { endInvitations } from '../people/sign-in-rows.ts'
import { nameKeyOf } from './device-names.ts'
import type { PasswordColumns } from './device-passwords.ts'
import type { getDeviceRow, termColumns } from './device-rows.ts'

export type DeviceRow = Awaited<ReturnType<typeof getDeviceRow>>
export type TermColumns = ReturnType<typeof termColumns>
export type StoredPassword = Omit<PasswordColumns, 'tag'> & { readonly tag: Uint8Array | null }

export interface UserLink {
  readonly id: UserId | null
  readonly login: string | null
}

export interface DeviceParts {
  readonly id: DeviceId
  readonly name: string
  readonly state: 'active' | 'disabled'
  readonly password: StoredPassword
  readonly terms: TermColumns
  readonly link: UserLink
}

export async function insertDevice(
  change: Change,
  mailbox: { readonly id: MailboxId; readonly address: string },
  { id, name, state, password, terms, link }: DeviceParts,
): Promise<void> {
  const { db, at } = change
  const row = { id, mailbox_id: mailbox.id, name, name_key: nameKeyOf(name), state, ...password, ...terms }
  await db
    .insertInto('devices')
    .values({ ...row, password_version: 1, kicked_at: null, created_at: at, password_changed_at: at, revoked_at: null, user_id: link.id })
    .execute()
  const after = { ...termFacts(terms), user: link.login, kind: password.kind, ...(state === 'active' ? {} : { state }) }
  await change.audit({ action: 'device.added', subject: `${mailbox.address}/${name}`, subjectId: id, before: null, after })
}

export async function changeTerms(change: Change, device: DeviceRow, columns: TermColumns, link: UserLink): Promise<void> {
  const changed = changedFacts({ ...termFacts(device), user: device.user }, { ...termFacts(columns), user: link.login })
  if (changed === undefined) return
  await change.db
    .updateTable('devices')
    .set({ ...columns, user_id: link.id })
    .where('id', '=', device.id)
    .execute()
  await auditDevice(change, device, 'device.changed', changed.before, changed.after)
  await change.moveGeneration()
}

export async function replacePassword(change: Change, device: DeviceRow, columns: StoredPassword): Promise<void> {
  const version = device.password_version + 1
  await change.db
    .updateTable('devices')
    .set({ ...columns, password_version: version, password_changed_at: change.at })
    .where('id', '=', device.id)
    .execute()
  await auditDevice(change, device, 'device.password', { kind: device.kind, version: device.password_version }, { kind: columns.kind, version })
  await change.moveGeneration()
}

export async function changeState(change: Change, device: DeviceRow, state: 'active' | 'disabled'): Promise<void> {
  if (device.state === state) return
  await change.db.updateTable('devices').set({ state }).where('id', '=', device.id).execute()
  await auditDevice(change, device, state === 'active' ? 'device.enabled' : 'device.disabled', { state: device.state }, { state })
  if (state === 'disabled') await change.moveGeneration()
}

/** Whether it was not revoked before. The caller moves the generation. */
export async function revokeDevice(change: Change, device: DeviceRow): Promise<boolean> {
  if (device.state === 'revoked') return false
  await change.db.updateTable('devices').set({ state: 'revoked', revoked_at: change.at }).where('id', '=', device.id).execute()
  await auditDevice(change, device, 'device.revoked', { state: device.state }, { state: 'revoked' })
  await endInvitations(change, { device: device.id })
  return true
}

/** The caller moves the generation. */
export async function unlinkDevice(
  change: Change,
  device: { readonly id: DeviceId; readonly address: string; readonly name: string },
  login: string,
): Promise<void> {
  await change.db.updateTable('devices').set({ user_id: null }).where('id', '=', device.id).execute()
  const subject = `${device.address}/${device.name}`
  await change.audit({ action: 'device.changed', subject, subjectId: device.id, before: { user: login }, after: { user: null } })
}

export function auditDevice(change: Change, device: DeviceRow, action: AuditAction, before: AuditFacts, after: AuditFacts): Promise<void> {
  return change.audit({ action, subject: `${device.address}/${device.name}`, subjectId: device.id, before, after })
}

export function termFacts(columns: { readonly scopes: string; readonly expires_at: number | null; readonly allow_from: string }): AuditFacts {
  return { scopes: splitList(columns.scopes), expiresAt: columns.expires_at, allowFrom: splitList(columns.allow_from) }
}
