/**
 * The end of devices, for good: one, several, all of a mailbox, all that are quiet. What ends and what stays is counted before it is done.
 */
import type { DeviceId } from '../../base/ids.ts'
import type { Device } from '../../store/accounts/devices/device-rows.ts'
import type { Version } from '../../store/history/audit.ts'
import type { Nouns } from '../../store/open-store.ts'
import type { Actor } from '../actor.ts'
import { checkVersion, findDevice, findMailbox, isOf } from '../find-subject.ts'
import { may, type Reach } from '../permissions.ts'
import { change, look, type UseCaseContext } from '../use-case.ts'

/** What a disconnection ends, and what it leaves alone. */
export interface Ending {
  readonly devices: readonly Device[]
  /** Live ones of these devices. */
  readonly sessions: number
  /** Devices of the same mailboxes that do not notice. */
  readonly others: number
}

export interface DisconnectInput {
  readonly refs: readonly string[]
  /** Of the one device. */
  readonly version?: Version | undefined
}

/** Throws NOT_FOUND, NOT_ALLOWED, AMBIGUOUS_ID. */
export function previewDisconnect(context: UseCaseContext, actor: Actor, { refs }: Pick<DisconnectInput, 'refs'>): Promise<Ending> {
  return look(context, actor, async (nouns, reach) => endingOf(nouns, await findAll(nouns, reach, refs)))
}

/** What `disconnectAll` would end. Throws NOT_FOUND, NOT_ALLOWED. */
export function previewDisconnectAll(context: UseCaseContext, actor: Actor, { mailbox }: { readonly mailbox: string }): Promise<Ending> {
  return look(context, actor, async (nouns, reach) => {
    const { address } = await findMailbox(nouns, reach, mailbox, 'device.disconnect')
    return endingOf(nouns, await nouns.devices.list({ mailbox: address }))
  })
}

/** All or, when one cannot be disconnected, none; what is revoked already stays as it is. Throws NOT_FOUND, NOT_ALLOWED, AMBIGUOUS_ID, CHANGED_MEANWHILE. */
export function disconnectDevices(context: UseCaseContext, actor: Actor, { refs, version }: DisconnectInput): Promise<Ending> {
  return change(context, actor, async (nouns, reach) => {
    const devices = await findAll(nouns, reach, refs)
    for (const { id } of devices) await checkVersion(nouns, id, version)
    return disconnect(nouns, devices)
  })
}

/** One transaction for so many devices: gateways write their records between two, and a database is busy for no longer than they wait. */
const DEVICES_PER_CHANGE = 200

export interface DisconnectManyInput {
  readonly ids: readonly DeviceId[]
  readonly onProgress?: ((state: { readonly done: number; readonly total: number }) => void) | undefined
}

/** As `disconnectDevices`, of any number, part by part: what is done stays done when a later part fails, and done again it goes on there. */
export async function disconnectMany(context: UseCaseContext, actor: Actor, { ids, onProgress = () => {} }: DisconnectManyInput): Promise<Device[]> {
  const devices: Device[] = []
  for (let at = 0; at < ids.length; at += DEVICES_PER_CHANGE) {
    devices.push(...(await disconnectDevices(context, actor, { refs: ids.slice(at, at + DEVICES_PER_CHANGE) })).devices)
    onProgress({ done: devices.length, total: ids.length })
  }
  return devices
}

/** Every device of a mailbox. Gives those that were not revoked before. Throws NOT_FOUND, NOT_ALLOWED. */
export function disconnectAll(context: UseCaseContext, actor: Actor, { mailbox }: { readonly mailbox: string }): Promise<Ending> {
  return change(context, actor, async (nouns, reach) => {
    const { address } = await findMailbox(nouns, reach, mailbox, 'device.disconnect')
    return disconnect(nouns, await nouns.devices.list({ mailbox: address }))
  })
}

export interface QuietInput {
  /** Every one that the actor may disconnect when left out. */
  readonly mailbox?: string | undefined
  /** Made before this time, and no connection since. */
  readonly unusedSince: number
  /** Nothing but these, as a page has shown them. */
  readonly only?: readonly string[] | undefined
}

/** Throws NOT_FOUND. */
export function listQuiet(context: UseCaseContext, actor: Actor, input: QuietInput): Promise<Device[]> {
  return look(context, actor, (nouns, reach) => findQuiet(nouns, reach, input))
}

/** Throws NOT_FOUND. */
export function disconnectQuiet(context: UseCaseContext, actor: Actor, input: QuietInput): Promise<Ending> {
  return change(context, actor, async (nouns, reach) => disconnect(nouns, await findQuiet(nouns, reach, input)))
}

async function findQuiet(nouns: Nouns, reach: Reach, { mailbox, unusedSince, only }: QuietInput): Promise<Device[]> {
  if (mailbox !== undefined) await findMailbox(nouns, reach, mailbox, 'mailbox.view')
  const quiet = await nouns.devices.list({ mailbox, unusedSince })
  return quiet.filter(device => may(reach, 'device.disconnect', isOf(device)) === 'yes' && (only === undefined || only.includes(device.id)))
}

async function findAll(nouns: Nouns, reach: Reach, refs: readonly string[]): Promise<Device[]> {
  const devices = new Map<string, Device>()
  for (const ref of refs) {
    const device = await findDevice(nouns, reach, ref, 'device.disconnect')
    devices.set(device.id, device)
  }
  return [...devices.values()]
}

async function disconnect(nouns: Nouns, devices: readonly Device[]): Promise<Ending> {
  const ending = await endingOf(nouns, devices)
  return { ...ending, devices: await nouns.devices.revoke(devices.map(({ id }) => id)) }
}

async function endingOf(nouns: Nouns, devices: readonly Device[]): Promise<Ending> {
  let all = 0
  for (const address of new Set(devices.map(({ mailbox }) => mailbox))) all += (await nouns.mailboxes.get(address)).devices
  const ending = devices.filter(({ state }) => state !== 'revoked')
  const sessions = ending.reduce((sum, device) => sum + device.sessions, 0)
  // A mailbox does not count the migration password among its devices.
  return { devices, sessions, others: all - ending.filter(({ kind }) => kind !== 'legacy').length }
}
