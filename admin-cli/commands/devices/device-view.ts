/**
 * A device as table rows and as lines, for a person. Its JSON: `management/devices/device-json.ts`.
 */

import { formatIso } from '../../../base/iso-time.ts'
import { toDeviceRow } from '../../../management/devices/device-json.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import type { ListShape } from '../../frame/answer-list.ts'
import { formatRelative } from '../../frame/moment.ts'

export const DEVICE_LIST: ListShape<Device> = {
  columns: [
    { head: 'id', rank: 1, cell: device => device.id },
    { head: 'mailbox', rank: 1, least: 24, cell: device => device.mailbox },
    { head: 'name', rank: 1, least: 8, cell: device => device.name },
    { head: 'state', rank: 2, cell: formatState },
    { head: 'scopes', rank: 9, cell: device => device.scopes.join(',') },
    { head: 'user', rank: 7, least: 8, cell: device => device.user ?? '-' },
    { head: 'expires', rank: 8, cell: ({ expiresAt }, now) => (expiresAt === null ? '-' : formatRelative(expiresAt, now)) },
    {
      head: 'last connection',
      rank: 3,
      cell: ({ lastConnection: last }, now) => (last === null ? 'never' : `${formatRelative(last.at, now)} (${last.protocol})`),
    },
    { head: 'from', rank: 5, cell: device => device.lastConnection?.ip ?? '-' },
    { head: 'app', rank: 4, least: 10, cell: device => device.lastConnection?.app ?? '-' },
    { head: 'sessions', rank: 6, cell: device => String(device.sessions) },
  ],
  toJson: toDeviceRow,
  whenEmpty: 'No devices. Make one with: mailwicket device add ADDR NAME',
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
