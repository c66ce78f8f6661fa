/**
 * Sessions, activity, audit and counts of wrong passwords as JSON, for commands and API alike. The fields are a contract (architecture §10): add,
 * never rename.
 */
import { formatIso } from '../../base/iso-time.ts'
import type { Activity } from '../../store/history/activity.ts'
import type { AuditEntry } from '../../store/history/audit.ts'
import type { Session } from '../../store/history/sessions.ts'
import type { Limit } from '../../store/limits/limits.ts'

export function toSessionRow({ id, node, device, mailbox, protocol, ip, app, since, bytesIn, bytesOut }: Session) {
  return { id, node, device, mailbox, protocol, ip, app, since: formatIso(since), bytesIn, bytesOut }
}

export function toActivityRow({ firstAt, at, count, address, device, deviceName, result, protocol, ip, app }: Activity) {
  return { at: formatIso(at), firstAt: formatIso(firstAt), count, mailbox: address, device, deviceName, result, protocol, ip, app }
}

export function toAuditRow(entry: AuditEntry) {
  return { ...entry, at: formatIso(entry.at) }
}

export function toLimitRow({ kind, block, address, failures, restriction, until }: Limit) {
  return { kind, block, address, failures, restriction, until: formatIso(until) }
}
