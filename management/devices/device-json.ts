/**
 * A device as JSON, for commands and API alike. The fields are a contract (architecture §10): add, never rename. Times are ISO 8601 in UTC.
 */
import { formatIso, formatIsoOrNull } from '../../base/iso-time.ts'
import type { Device } from '../../store/accounts/devices/device-rows.ts'

/** A row of a list. */
export function toDeviceRow(device: Device) {
  const last = device.lastConnection
  return {
    id: device.id,
    mailbox: device.mailbox,
    mailboxState: device.mailboxState,
    name: device.name,
    state: device.state,
    scopes: device.scopes,
    user: device.user,
    userState: device.userState,
    expiresAt: formatIsoOrNull(device.expiresAt),
    lastConnection: last === null ? null : { at: formatIso(last.at), ip: last.ip, protocol: last.protocol, app: last.app },
    sessions: device.sessions,
  }
}

/** One device, and the answer to every change of one. */
export function toDeviceDetails(device: Device) {
  const last = device.lastConnection
  return {
    ...toDeviceRow(device),
    allowFrom: device.allowFrom,
    password: device.kind,
    createdAt: formatIso(device.createdAt),
    passwordChangedAt: formatIso(device.passwordChangedAt),
    revokedAt: formatIsoOrNull(device.revokedAt),
    lastConnection: last === null ? null : { at: formatIso(last.at), ip: last.ip, protocol: last.protocol, app: last.app, tls: last.tls, node: last.node },
  }
}
