/**
 * Devices: looking at them, adding them, and every change of one. Ending them: `disconnect-devices.ts`.
 *
 * The operator may name a device by the beginning of its ID; everybody else by the whole ID or `ADDR/NAME`, so that nothing is learnt by guessing.
 */

import { parseAddress } from '../../base/address.ts'
import type { Secret } from '../../base/secret.ts'
import type { DeviceFilter } from '../../store/accounts/devices/device-list.ts'
import type { Device } from '../../store/accounts/devices/device-rows.ts'
import type { DeviceTerms, NewDevice } from '../../store/accounts/devices/devices.ts'
import { parseLogin } from '../../store/accounts/people/user-rows.ts'
import type { Version } from '../../store/history/audit.ts'
import type { Nouns } from '../../store/open-store.ts'
import type { SendingChanges } from '../../store/sending/sending-change.ts'
import type { Sending } from '../../store/sending/sending-rows.ts'
import type { Actor } from '../actor.ts'
import { checkLink, checkMaySendBy, checkVersion, findDevice, findDeviceToChange, findMailbox, isOf } from '../find-subject.ts'
import { type AppSettings, listAppSettings } from '../mailboxes/app-settings.ts'
import { widensSending, widensTerms } from '../narrowing.ts'
import { findUser } from '../people/manage-users.ts'
import { type Action, may, type Reach } from '../permissions.ts'
import { change, checkAllowed, look, notAllowed, type UseCaseContext } from '../use-case.ts'
import { devicesOf } from '../within.ts'

/** A device with everything about it. */
export interface DeviceState {
  readonly device: Device
  readonly sending: Sending
  readonly version: Version
}

/** A device and its password, to be shown once. */
export interface DeviceWithPassword extends DeviceState {
  readonly password: Secret
  readonly settings: readonly AppSettings[]
}

/** One device, and optionally what it was when whoever asks looked at it. */
export interface DeviceInput {
  readonly ref: string
  readonly version?: Version | undefined
}

/** Those of the filter that the actor may see. Throws NOT_FOUND (no such mailbox or user). */
export function listDevices(context: UseCaseContext, actor: Actor, filter: DeviceFilter = {}): Promise<Device[]> {
  return look(context, actor, async (nouns, reach) => {
    await checkDeviceFilter(nouns, reach, filter)
    return nouns.devices.list({ ...filter, within: devicesOf(reach, 'device.view') })
  })
}

/** Asking for what is outside tells nothing. Throws NOT_FOUND. */
export async function checkDeviceFilter(nouns: Nouns, reach: Reach, { mailbox, user }: DeviceFilter): Promise<void> {
  if (mailbox !== undefined) await findMailbox(nouns, reach, mailbox, 'mailbox.view')
  if (user === undefined || reach.isOperator) return
  const isAtMailbox = mailbox !== undefined && may(reach, 'rights.view', { mailbox: parseAddress(mailbox) }) === 'yes'
  if (!isAtMailbox || !(await nouns.rights.at(mailbox)).some(person => person.user === parseLogin(user))) await findUser(nouns, reach, user, 'person.view')
}

/** Throws NOT_FOUND, AMBIGUOUS_ID. */
export function getDevice(context: UseCaseContext, actor: Actor, ref: string): Promise<DeviceState> {
  return look(context, actor, async (nouns, reach) => stateOf(nouns, await findDevice(nouns, reach, ref, 'device.view')))
}

export interface AddDeviceInput extends NewDevice {
  readonly mailbox: string
}

/** Throws NOT_FOUND (no such mailbox or user), NOT_ALLOWED, ALREADY_EXISTS (name in use), BAD_INPUT. */
export async function addDevice(context: UseCaseContext, actor: Actor, { mailbox, ...wanted }: AddDeviceInput): Promise<DeviceWithPassword> {
  const prepared = await look(context, actor, async (nouns, reach) => {
    await checkMayAdd(nouns, reach, mailbox, wanted)
    return nouns.devices.prepare(mailbox, wanted)
  })
  return change(context, actor, async (nouns, reach) => {
    await checkMayAdd(nouns, reach, mailbox, wanted)
    const { device, password } = await nouns.devices.addPrepared(prepared)
    return { ...(await stateOf(nouns, device)), password, settings: listAppSettings(context.config, device.mailbox, device.scopes) }
  })
}

/** Whether `addDevice` would do it, before anybody is asked who they are. Throws as it does, but for the password. */
export function checkNewDevice(context: UseCaseContext, actor: Actor, { mailbox, ...wanted }: Omit<AddDeviceInput, 'password'>): Promise<void> {
  return look(context, actor, async (nouns, reach) => {
    await checkMayAdd(nouns, reach, mailbox, wanted)
    await nouns.devices.check(mailbox, wanted)
  })
}

async function checkMayAdd(nouns: Nouns, reach: Reach, mailbox: string, { user = null, scopes }: NewDevice): Promise<void> {
  const isForSelf = user !== null && parseLogin(user) === reach.self?.login
  const { address } = await findMailbox(nouns, reach, mailbox, isForSelf ? 'device.add' : 'device.add-for-others')
  if (isForSelf) return
  await checkLink(nouns, reach, address, user)
  if (scopes?.includes('smtp') ?? true) checkMaySendBy(reach, address)
}

export interface SetDeviceInput extends DeviceInput {
  readonly terms?: DeviceTerms | undefined
  readonly sending?: SendingChanges | undefined
  readonly name?: string | undefined
  /** `disabled` refuses it until it is `active` again. */
  readonly state?: 'active' | 'disabled' | undefined
}

/** What is left out stays. Throws NOT_FOUND, NOT_ALLOWED, CHANGED_MEANWHILE, ALREADY_EXISTS (name in use), BAD_INPUT. */
export function setDevice(
  context: UseCaseContext,
  actor: Actor,
  { ref, version, terms = {}, sending = {}, name, state }: SetDeviceInput,
): Promise<DeviceState> {
  return change(context, actor, async (nouns, reach) => {
    const device = await findDeviceToChange(nouns, reach, ref)
    await checkVersion(nouns, device.id, version)
    if (state !== undefined) {
      checkHere(reach, 'device.pause', device)
      await (state === 'active' ? nouns.devices.enable(device.id) : nouns.devices.disable(device.id))
    }
    if (name !== undefined) {
      checkHere(reach, 'device.rename', device)
      await nouns.devices.rename(device.id, name)
    }
    if (Object.keys(terms).length > 0) {
      await checkTerms(nouns, reach, device, terms)
      await nouns.devices.set(device.id, terms)
    }
    if (Object.keys(sending).length > 0) {
      checkHere(reach, widensSending(await nouns.sending.get({ device: device.id }), sending) ? 'device.widen' : 'device.narrow', device)
      await nouns.sending.set({ device: device.id }, sending)
    }
    return stateOf(nouns, await nouns.devices.get(device.id))
  })
}

async function checkTerms(nouns: Nouns, reach: Reach, device: Device, { user, ...terms }: DeviceTerms): Promise<void> {
  if (Object.keys(terms).length > 0) checkHere(reach, widensTerms(device, terms) ? 'device.widen' : 'device.narrow', device)
  if (user !== undefined && user !== device.user) {
    checkHere(reach, 'device.add-for-others', device)
    await checkLink(nouns, reach, device.mailbox, user)
  }
  const scopes = terms.scopes ?? device.scopes
  const isMoreSending = scopes.includes('smtp') && (!device.scopes.includes('smtp') || (user !== undefined && user !== device.user))
  if (isMoreSending) checkMaySendBy(reach, device.mailbox)
}

/** Throws NOT_FOUND, NOT_ALLOWED, CHANGED_MEANWHILE, BAD_INPUT. */
export async function changePassword(
  context: UseCaseContext,
  actor: Actor,
  { ref, version, password: chosen }: DeviceInput & { readonly password?: Secret | undefined },
): Promise<DeviceWithPassword> {
  const prepared = await look(context, actor, async (nouns, reach) => {
    const device = await findDevice(nouns, reach, ref, 'device.password')
    checkMayKnow(reach, device)
    await checkVersion(nouns, device.id, version)
    return nouns.devices.preparePassword(device.id, { password: chosen })
  })
  return change(context, actor, async (nouns, reach) => {
    const found = await findDevice(nouns, reach, prepared.device, 'device.password')
    checkMayKnow(reach, found)
    await checkVersion(nouns, found.id, version)
    const { device, password } = await nouns.devices.setPreparedPassword(prepared)
    return { ...(await stateOf(nouns, device)), password, settings: listAppSettings(context.config, device.mailbox, device.scopes) }
  })
}

/** Whether this is the device's password: for a page that shows it and hands it on. Throws NOT_FOUND, NOT_ALLOWED. */
export function checkDevicePassword(
  context: UseCaseContext,
  actor: Actor,
  { ref, password }: Pick<DeviceInput, 'ref'> & { readonly password: Secret },
): Promise<boolean> {
  return look(context, actor, async (nouns, reach) => {
    const device = await findDevice(nouns, reach, ref, 'device.password')
    return nouns.devices.isPassword(device.id, password)
  })
}

/** SECURITY: whoever gets to know the password of a device that sends could send by it. */
export function checkMayKnow(reach: Reach, device: Device): void {
  if (device.scopes.includes('smtp') && device.user !== (reach.self?.login ?? null)) checkMaySendBy(reach, device.mailbox)
}

/** Throws NOT_FOUND, NOT_ALLOWED, CHANGED_MEANWHILE, BAD_INPUT. */
export function setDeviceState(context: UseCaseContext, actor: Actor, input: DeviceInput & { readonly state: 'active' | 'disabled' }): Promise<DeviceState> {
  return setDevice(context, actor, input)
}

/** What pages show as buttons. */
export function listDeviceActions(reach: Reach, device: Device): Action[] {
  const actions: Action[] = ['device.password', 'device.pause', 'device.disconnect', 'device.rename', 'device.narrow', 'device.widen', 'session.end']
  return actions.filter(action => may(reach, action, isOf(device)) === 'yes')
}

function checkHere(reach: Reach, action: Action, device: Device): void {
  checkAllowed(reach, action, isOf(device), () => notAllowed(action))
}

async function stateOf(nouns: Nouns, device: Device): Promise<DeviceState> {
  return { device, sending: await nouns.sending.get({ device: device.id }), version: await nouns.audit.versionOf(device.id) }
}
