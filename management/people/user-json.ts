/**
 * Persons as JSON, for commands and API alike. The fields are a contract (architecture §10): add, never rename.
 */
import { formatIso } from '../../base/iso-time.ts'
import type { User } from '../../store/accounts/people/user-list.ts'
import { toSendingJson } from '../mailboxes/mailbox-json.ts'

export function toUserRow({ login, name, state, maySend, devices, createdAt, sending }: User) {
  return { login, name, state, maySend, devices, createdAt: formatIso(createdAt), sending: toSendingJson(sending) }
}
