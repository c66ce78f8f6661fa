/**
 * Mailboxes and rules of sending as JSON, for commands and API alike. The fields are a contract (architecture §10): add, never rename.
 */
import { formatIso, formatIsoOrNull } from '../../base/iso-time.ts'
import type { Mailbox } from '../../store/accounts/mailbox-rows.ts'
import type { Sending } from '../../store/sending/sending-rows.ts'

export function toMailboxRow({ id, address, upstream, login, hasSecret, state, createdAt, devices, migrationPasswordUntil }: Mailbox) {
  const times = { createdAt: formatIso(createdAt), legacyPasswordUntil: formatIsoOrNull(migrationPasswordUntil) }
  return { id, address, upstream, login, hasSecret, state, ...times, devices }
}

export function toMailboxDetails(mailbox: Mailbox, sending: Sending | null) {
  return { ...toMailboxRow(mailbox), sending: sending === null ? null : toSendingJson(sending) }
}

export function toSendingJson({ maySend, senders, checksFrom, recipientsPerMessage, recipientsPerDay, sentToday }: Sending) {
  return { maySend, senders, checkFrom: checksFrom, recipientsPerMessage, recipientsPerDay, sentToday }
}
