/**
 * The mailbox or device that an act is about, as far as the actor may know of it.
 *
 * SECURITY: outside of somebody's reach is answered exactly like "not there", whatever was tried, so that addresses, logins and IDs cannot be found out.
 */

import { parseAddress } from '../base/address.ts'
import { Problem } from '../base/problems.ts'
import { noDevice } from '../store/accounts/devices/device-names.ts'
import type { Device } from '../store/accounts/devices/device-rows.ts'
import { type Mailbox, noMailbox } from '../store/accounts/mailbox-rows.ts'
import { noUser, parseLogin } from '../store/accounts/people/user-rows.ts'
import type { Version } from '../store/history/audit.ts'
import type { Nouns } from '../store/open-store.ts'
import { type Action, maySendFrom, type Reach, type Target } from './permissions.ts'
import { checkAllowed, checkScope, notAllowed } from './use-case.ts'

const WHOLE_ID = /^[0-9a-z]{16}$/

/** Throws NOT_FOUND, NOT_ALLOWED. */
export async function findMailbox(nouns: Nouns, reach: Reach, text: string, action: Action): Promise<Mailbox> {
  const address = parseAddress(text)
  checkAllowed(reach, action, { mailbox: address }, () => noMailbox(address))
  return nouns.mailboxes.get(address)
}

/** Throws NOT_FOUND, NOT_ALLOWED, AMBIGUOUS_ID. */
export async function findDevice(nouns: Nouns, reach: Reach, ref: string, action: Action): Promise<Device> {
  if (!reach.isOperator && !ref.includes('@') && !WHOLE_ID.test(ref)) throw noDevice(ref)
  const device = await nouns.devices.get(ref)
  checkAllowed(reach, action, isOf(device), () => noDevice(ref))
  return device
}

/** For a change whose parts are judged one by one: whoever asks sees the device, and a token is for changes of devices. Throws NOT_FOUND, NOT_ALLOWED. */
export async function findDeviceToChange(nouns: Nouns, reach: Reach, ref: string): Promise<Device> {
  const device = await findDevice(nouns, { ...reach, scopes: null }, ref, 'device.view')
  checkScope(reach, 'device.rename')
  return device
}

/** For a change whose parts are judged one by one. Throws NOT_FOUND, NOT_ALLOWED. */
export async function findMailboxToChange(nouns: Nouns, reach: Reach, address: string): Promise<Mailbox> {
  const mailbox = await findMailbox(nouns, { ...reach, scopes: null }, address, 'mailbox.view')
  checkScope(reach, 'mailbox.describe')
  return mailbox
}

export function isOf({ mailbox, user }: Device): Target {
  return { mailbox, device: { user } }
}

/**
 * Whom a device may be linked to. Whoever looks after a mailbox links the people who have a right there; only administrators know of all others.
 * Throws NOT_FOUND.
 */
export async function checkLink(nouns: Nouns, reach: Reach, mailbox: string, text: string | null): Promise<void> {
  if (text === null || reach.isOperator || reach.isAdministrator) return
  const login = parseLogin(text)
  if (login === reach.self?.login) return
  const people = await nouns.rights.at(mailbox)
  if (!people.some(person => person.user === login)) throw noUser(login)
}

/** Nobody gives a right that they do not have. Throws NOT_ALLOWED. */
export function checkMaySendBy(reach: Reach, mailbox: string): void {
  if (!maySendFrom(reach, mailbox)) throw notAllowed('device.widen')
}

/** Throws CHANGED_MEANWHILE with what was changed, by whom. */
export async function checkVersion(nouns: Nouns, subjectId: string, version: Version | undefined): Promise<void> {
  if (version === undefined) return
  const changes = await nouns.audit.changesSince(subjectId, version)
  const last = changes.at(-1)
  if (last !== undefined) throw new Problem('thing.changed', { subject: last.subject, by: last.actor, at: last.at, action: last.action })
}
