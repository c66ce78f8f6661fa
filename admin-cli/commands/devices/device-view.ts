/**
 * A device as table rows and as lines, for a person. Its JSON: `management/devices/device-json.ts`.
 */

import { formatIso } from '../../../base/iso-time.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import { formatRelative } from '../../frame/moment.ts'

export const DEVICE_HEADS = ['id', 'mailbox', 'name', 'state', 'scopes', 'user', 'expires', 'last connection', 'from', 'app', 'sessions'] as const

export function toDeviceCells(device: Device, now: number): readonly string[] {
  const last = device.lastConnection
  return [
    device.id,
    device.mailbox,
    device.name,
    formatState(device),
    device.scopes.join(','),
    device.user ?? '-',
    device.expiresAt === null ? '-' : formatRelative(device.expiresAt, now),
    last === null ? 'never' : `${formatRelative(last.at, now)} (${last.protocol})`,
    last?.ip ?? '-',
    last?.app ?? '-',
    String(device.sessions),
  ]
}

/** Who looks for a device that does not get in looks here first. */
function formatState({ state, mailboxState, userState }: Device): string {
  if (state !== 'active' && state !== 'legacy') return state
  if (mailboxState === 'disabled') return 'mailbox disabled'
  return userState === 'blocked' ? 'user blocked' : state
}

/** `name  value` pairs for a person. */
export function toDeviceFields(device: Device, now: number): [string, string][] {
  const last = device.lastConnection
  const moment = (at: number) => `${formatIso(at)} (${formatRelative(at, now)})`
  const fields: [string, string][] = [
    ['ID', device.id],
    ['Mailbox', `${device.mailbox}${device.mailboxState === 'disabled' ? ' (disabled: this device does not get in)' : ''}`],
    ['Name', device.name],
    ['State', device.state],
    ['Scopes', device.scopes.join(', ')],
    ['User', device.user === null ? 'none' : `${device.user}${device.userState === 'blocked' ? ' (blocked: this device does not get in)' : ''}`],
    ['Expires', device.expiresAt === null ? 'never' : moment(device.expiresAt)],
    ['Allowed from', device.allowFrom.length === 0 ? 'everywhere' : device.allowFrom.join(', ')],
    [
      'Password',
      device.kind === 'legacy'
        ? 'that of the real server, until it expires here (migration password)'
        : `${device.kind}, set ${moment(device.passwordChangedAt)}`,
    ],
    ['Created', moment(device.createdAt)],
  ]
  if (device.revokedAt !== null) fields.push(['Revoked', moment(device.revokedAt)])
  if (last === null) fields.push(['Last connection', 'never'])
  else
    fields.push(
      ['Last connection', moment(last.at)],
      ['  from', last.ip],
      ['  by', `${last.app ?? 'an app that did not say its name'}, ${last.protocol}, ${last.tls ?? 'no TLS'}`],
    )
  fields.push(['Sessions now', String(device.sessions)])
  return fields
}
