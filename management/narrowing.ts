/**
 * Whether a change takes something away or gives something: who may draw a rule closer may not always loosen it.
 */
import { isWithinNetworks, parseCidr } from '../base/network.ts'
import type { Device } from '../store/accounts/devices/device-rows.ts'
import type { DeviceTerms } from '../store/accounts/devices/devices.ts'
import type { SendingChanges } from '../store/sending/sending-change.ts'
import type { SendingRule } from '../store/sending/sending-rows.ts'

/** Whether a device could do anything afterwards, from anywhere, at any time, that it could not before. Networks are canonical or not; wrong ones are the store's to refuse. */
export function widensTerms(before: Device, { scopes, expiresAt, allowFrom }: DeviceTerms): boolean {
  if (scopes?.some(scope => !before.scopes.includes(scope)) === true) return true
  if (expiresAt !== undefined && before.expiresAt !== null && (expiresAt === null || expiresAt > before.expiresAt)) return true
  return allowFrom !== undefined && before.allowFrom.length > 0 && !isWithin(allowFrom, before.allowFrom)
}

function isWithin(inner: readonly string[], outer: readonly string[]): boolean {
  if (inner.length === 0) return false
  const networks = outer.map(parseCidr)
  return inner.every(text => {
    try {
      return isWithinNetworks(parseCidr(text.trim()), networks)
    } catch {
      return true
    }
  })
}

/** Whether more could be sent afterwards, or as somebody else. */
export function widensSending(before: SendingRule, changes: SendingChanges): boolean {
  const { maySend, senders, checksFrom, recipientsPerMessage, recipientsPerDay } = changes
  if (maySend === true && !before.maySend) return true
  if (checksFrom === false && before.checksFrom) return true
  if (senders !== undefined && before.senders !== null && !coversAll(before.senders, senders)) return true
  return isHigher(recipientsPerMessage, before.recipientsPerMessage) || isHigher(recipientsPerDay, before.recipientsPerDay)
}

function coversAll(before: readonly string[], after: readonly string[] | null): boolean {
  return after?.every(sender => before.includes(sender) || before.includes(`*@${sender.slice(sender.lastIndexOf('@') + 1)}`)) ?? false
}

function isHigher(after: number | null | undefined, before: number | null): boolean {
  return after !== undefined && before !== null && (after === null || after > before)
}
