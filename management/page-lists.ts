/**
 * Lists: what lies within somebody's reach, filtered, sorted and counted in the database, whatever its size. By pages, where `after` is `next` of the
 * page before, or one after the other to the end, in constant memory.
 */
import type { DeviceFilter, DeviceSort } from '../store/accounts/devices/device-list.ts'
import type { Device } from '../store/accounts/devices/device-rows.ts'
import type { DomainCount, ListedMailbox, MailboxFilter, MailboxSort } from '../store/accounts/mailbox-list.ts'
import type { User, UserFilter, UserSort } from '../store/accounts/people/user-list.ts'
import type { Session, SessionFilter, SessionSort } from '../store/history/sessions.ts'
import { type Page, type PageRequest, readAll } from '../store/schema/keyset.ts'
import type { Actor } from './actor.ts'
import { checkDeviceFilter } from './devices/manage-devices.ts'
import { findDevice, findMailbox } from './find-subject.ts'
import { look, type UseCaseContext } from './use-case.ts'
import { devicesOf, mailboxesOf } from './within.ts'

/** `within` is the reach of whoever asks. */
type Asked<Filter> = Omit<Filter, 'within'>

export interface ListInput<Filter, Sort extends string = never> extends PageRequest<Sort> {
  readonly filter?: Asked<Filter> | undefined
}

type ReadInput<Filter, Sort extends string = never> = Omit<ListInput<Filter, Sort>, 'after'>

/** By name. */
export function pageDomains(
  context: UseCaseContext,
  actor: Actor,
  input: PageRequest & { readonly search?: string | undefined } = {},
): Promise<Page<DomainCount>> {
  return look(context, actor, (nouns, reach) => nouns.mailboxes.domains({ ...input, within: mailboxesOf(reach, 'mailbox.view') }))
}

export function pageMailboxes(context: UseCaseContext, actor: Actor, input: ListInput<MailboxFilter, MailboxSort> = {}): Promise<Page<ListedMailbox>> {
  return look(context, actor, (nouns, reach) => nouns.mailboxes.page({ ...input, filter: { ...input.filter, within: mailboxesOf(reach, 'mailbox.view') } }))
}

export function readMailboxes(
  context: UseCaseContext,
  actor: Actor,
  { limit, ...input }: ReadInput<MailboxFilter, MailboxSort> = {},
): AsyncGenerator<ListedMailbox> {
  return readAll(request => pageMailboxes(context, actor, { ...input, ...request }), limit)
}

export function countMailboxes(context: UseCaseContext, actor: Actor, filter: Asked<MailboxFilter> = {}): Promise<number> {
  return look(context, actor, (nouns, reach) => nouns.mailboxes.count({ ...filter, within: mailboxesOf(reach, 'mailbox.view') }))
}

/** Throws NOT_FOUND (no such mailbox or user). */
export function pageDevices(context: UseCaseContext, actor: Actor, input: ListInput<DeviceFilter, DeviceSort> = {}): Promise<Page<Device>> {
  return look(context, actor, async (nouns, reach) => {
    await checkDeviceFilter(nouns, reach, input.filter ?? {})
    return nouns.devices.page({ ...input, filter: { ...input.filter, within: devicesOf(reach, 'device.view') } })
  })
}

/** Throws NOT_FOUND (no such mailbox or user). */
export async function* readDevices(
  context: UseCaseContext,
  actor: Actor,
  { filter = {}, ...order }: ReadInput<DeviceFilter, DeviceSort> = {},
): AsyncGenerator<Device> {
  yield* await look(context, actor, async (nouns, reach) => {
    await checkDeviceFilter(nouns, reach, filter)
    return nouns.devices.all({ ...filter, within: devicesOf(reach, 'device.view') }, order)
  })
}

/** Throws NOT_FOUND (no such mailbox or user). */
export function countDevices(context: UseCaseContext, actor: Actor, filter: Asked<DeviceFilter> = {}): Promise<number> {
  return look(context, actor, async (nouns, reach) => {
    await checkDeviceFilter(nouns, reach, filter)
    return nouns.devices.count({ ...filter, within: devicesOf(reach, 'device.view') })
  })
}

/** Throws NOT_FOUND (no such device or mailbox). */
export function pageSessions(context: UseCaseContext, actor: Actor, input: ListInput<SessionFilter, SessionSort> = {}): Promise<Page<Session>> {
  return look(context, actor, async (nouns, reach) => {
    const { device, mailbox } = input.filter ?? {}
    if (device !== undefined) await findDevice(nouns, reach, device, 'device.view')
    if (mailbox !== undefined) await findMailbox(nouns, reach, mailbox, 'mailbox.view')
    return nouns.sessions.page({ ...input, filter: { ...input.filter, within: devicesOf(reach, 'device.view') } })
  })
}

/** Throws NOT_FOUND (no such device or mailbox). */
export function readSessions(context: UseCaseContext, actor: Actor, { limit, ...input }: ReadInput<SessionFilter, SessionSort> = {}): AsyncGenerator<Session> {
  return readAll(request => pageSessions(context, actor, { ...input, ...request }), limit)
}

/** Those who have a right or a device within somebody's domains; for everybody else, nobody. */
export function pageUsers(context: UseCaseContext, actor: Actor, input: ListInput<UserFilter, UserSort> = {}): Promise<Page<User>> {
  return look(context, actor, (nouns, reach) => nouns.users.page({ ...input, filter: { ...input.filter, within: mailboxesOf(reach, 'person.view') } }))
}

/** The same, one after the other. */
export function readUsers(context: UseCaseContext, actor: Actor, { limit, ...input }: ReadInput<UserFilter, UserSort> = {}): AsyncGenerator<User> {
  return readAll(request => pageUsers(context, actor, { ...input, ...request }), limit)
}
