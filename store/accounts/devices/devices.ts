/**
 * Devices: a named access to one mailbox with one app password.
 *
 * A `ref` names a device by ID, unambiguous beginning of an ID, or `ADDR/NAME`; NOT_FOUND and AMBIGUOUS_ID come from there.
 */

import type { Kysely } from 'kysely'
import { parseAddress } from '../../../base/address.ts'
import { type DeviceId, makeId } from '../../../base/ids.ts'
import type { Secret } from '../../../base/secret.ts'
import { normaliseSecret } from '../../passwords/app-password.ts'
import { listAll, type Page, type PageRequest } from '../../schema/keyset.ts'
import { splitList } from '../../schema/list-column.ts'
import type { Scope } from '../../schema/login-record.ts'
import type { Schema } from '../../schema/schema.ts'
import { forgetSending } from '../../sending/sending-rows.ts'
import type { Change, StoreContext } from '../../store-context.ts'
import { getMailboxRow, noMailbox } from '../mailbox-rows.ts'
import { checkIsNotMigrationDevice, checkNameIsNotReserved } from '../migration-rows.ts'
import { getUserRow, parseLogin } from '../people/user-rows.ts'
import {
  auditDevice,
  changeState,
  changeTerms,
  type DeviceRow,
  insertDevice,
  replacePassword,
  revokeDevice,
  type TermColumns,
  type UserLink,
} from './device-changes.ts'
import { countDevices, type DeviceFilter, type DeviceRequest, type DeviceSort, pageDevices, readDevices } from './device-list.ts'
import { nameKeyOf, parseDeviceName, resolveDevice } from './device-names.ts'
import { checkRoomForChosen, deviceHasher, makePassword, type NewPassword, type PasswordOwner } from './device-passwords.ts'
import { checkNameIsFree, checkNotRevoked, type Device, getDevice, getDeviceRow, SCOPES, selectDevices, termColumns, toDevice } from './device-rows.ts'

export interface NewDevice {
  readonly name: string
  /** Both when left out. */
  readonly scopes?: readonly Scope[] | undefined
  readonly expiresAt?: number | null | undefined
  readonly allowFrom?: readonly string[] | undefined
  /** Login of the user to link it to. */
  readonly user?: string | null | undefined
  /** A chosen password; one is generated when left out. */
  readonly password?: Secret | undefined
}

export interface DeviceTerms {
  readonly scopes?: readonly Scope[] | undefined
  readonly expiresAt?: number | null | undefined
  readonly allowFrom?: readonly string[] | undefined
  /** Login of the user to link it to; null: nobody. */
  readonly user?: string | null | undefined
}

/** A device and its password as it is to be shown, once. */
export interface DeviceWithPassword {
  readonly device: Device
  readonly password: Secret
}

/** A device that could be added. */
export interface CheckedDevice {
  readonly owner: PasswordOwner
  readonly terms: TermColumns
  readonly user: string | null
}

/** SECURITY: the password stays in this process until it is shown. */
export interface PreparedDevice extends CheckedDevice {
  readonly password: NewPassword
}

export interface PreparedPassword {
  readonly owner: PasswordOwner
  readonly device: DeviceId
  readonly password: NewPassword
}

export class Devices {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Throws NOT_FOUND (no such mailbox or user), ALREADY_EXISTS (name in use), BAD_INPUT. */
  async add(address: string, device: NewDevice): Promise<DeviceWithPassword> {
    return this.addPrepared(await this.prepare(address, device))
  }

  /** Looks whether the device could be added, and makes its password; hashing takes its time, so a change begins after it. Throws as `add`. */
  async prepare(address: string, { password: chosen, ...wanted }: NewDevice): Promise<PreparedDevice> {
    const checked = await this.check(address, wanted)
    return { ...checked, password: await makePassword(this.#context, chosen, checked.owner) }
  }

  /** Looks whether the device could be added, whatever its password. Throws as `add`. */
  async check(
    addressText: string,
    { name: nameText, scopes = SCOPES, expiresAt = null, allowFrom = [], user = null }: Omit<NewDevice, 'password'>,
  ): Promise<CheckedDevice> {
    const name = parseDeviceName(nameText)
    checkNameIsNotReserved(name)
    const terms = termColumns({ scopes, expiresAt, allowFrom })
    const mailbox = await getMailboxRow(this.#context.db, parseAddress(addressText))
    await checkNameIsFree(this.#context.db, { mailbox_id: mailbox.id, address: mailbox.address }, name, null)
    await findLink(this.#context.db, user)
    return { owner: { mailboxId: mailbox.id, address: mailbox.address, deviceName: name, device: null }, terms, user }
  }

  /** Throws as `add`: the mailbox may be gone, or the name taken, since it was prepared. */
  async addPrepared({ owner, terms, user, password: { shown, columns } }: PreparedDevice): Promise<DeviceWithPassword> {
    const { mailboxId, address, deviceName: name } = owner
    const id = makeId<DeviceId>()
    return this.#context.change(async change => {
      const { db, at } = change
      const mailbox = await getMailboxRow(db, address)
      // Another one under the same address: the password's tag would not be its own.
      if (mailbox.id !== mailboxId) throw noMailbox(address)
      await checkNameIsFree(db, { mailbox_id: mailboxId, address }, name, null)
      if (columns.kind === 'chosen') await checkRoomForChosen(db, owner)
      const link = await findLink(db, user)
      await insertDevice(change, mailbox, { id, name, state: 'active', password: columns, terms, link })
      return { device: await getDevice(db, id, at), password: shown }
    })
  }

  /** By their whole IDs; those that are gone are left out. */
  async findAll(ids: readonly DeviceId[]): Promise<Device[]> {
    if (ids.length === 0) return []
    const now = this.#context.now()
    const rows = await selectDevices(this.#context.db, now).where('devices.id', 'in', ids).execute()
    return rows.map(row => toDevice(row, now))
  }

  /** Throws NOT_FOUND (no such mailbox or user), BAD_INPUT when `after` is not of this list. */
  page(request: PageRequest<DeviceSort> & { readonly filter?: DeviceFilter | undefined } = {}): Promise<Page<Device>> {
    return pageDevices(this.#context.db, this.#context.now(), request)
  }

  /** One after the other, in constant memory. Throws NOT_FOUND (no such mailbox or user). */
  all(filter: DeviceFilter = {}, order: Omit<DeviceRequest, 'filter'> = {}): AsyncGenerator<Device> {
    return readDevices(this.#context.db, this.#context.now(), { filter, ...order })
  }

  /** By address and name. For what is known to be short: `all` and `page` are for any. Throws NOT_FOUND (no such mailbox or user). */
  list(filter: DeviceFilter = {}): Promise<Device[]> {
    return listAll(this.all(filter))
  }

  /** Throws NOT_FOUND (no such mailbox or user). */
  count(filter: DeviceFilter = {}): Promise<number> {
    return countDevices(this.#context.db, this.#context.now(), filter)
  }

  async get(ref: string): Promise<Device> {
    const { db, now } = this.#context
    return getDevice(db, await resolveDevice(db, ref), now())
  }

  /** Ends no session. Throws ALREADY_EXISTS, BAD_INPUT. */
  async rename(ref: string, nameText: string): Promise<Device> {
    const name = parseDeviceName(nameText)
    return this.#changeOne(ref, async (change, device) => {
      checkIsNotMigrationDevice(device, 'it keeps its name')
      if (nameKeyOf(name) !== device.name_key) checkNameIsNotReserved(name)
      await checkNameIsFree(change.db, device, name, device.id)
      if (name === device.name) return
      await change.db
        .updateTable('devices')
        .set({ name, name_key: nameKeyOf(name) })
        .where('id', '=', device.id)
        .execute()
      await auditDevice(change, device, 'device.renamed', { name: device.name }, { name })
    })
  }

  /** What is left out stays. Throws BAD_INPUT, NOT_FOUND (no such user). */
  async set(ref: string, terms: DeviceTerms): Promise<Device> {
    return this.#changeOne(ref, async (change, device) => {
      const scopes = terms.scopes ?? splitList<Scope>(device.scopes)
      if (terms.expiresAt === null) checkIsNotMigrationDevice(device, 'it must have an end')
      const allowFrom = terms.allowFrom ?? splitList(device.allow_from)
      const columns = termColumns({ scopes, allowFrom, expiresAt: terms.expiresAt === undefined ? device.expires_at : terms.expiresAt })
      const link = terms.user === undefined ? { id: device.user_id, login: device.user } : await findLink(change.db, terms.user)
      await changeTerms(change, device, columns, link)
    })
  }

  /** Replaces the password; sessions under the old one end. Throws BAD_INPUT. */
  async setPassword(ref: string, given: { readonly password?: Secret | undefined } = {}): Promise<DeviceWithPassword> {
    return this.setPreparedPassword(await this.preparePassword(ref, given))
  }

  /** As `prepare`, for `setPassword`. */
  async preparePassword(ref: string, { password: chosen }: { readonly password?: Secret | undefined } = {}): Promise<PreparedPassword> {
    const found = await getDeviceRow(this.#context.db, await resolveDevice(this.#context.db, ref))
    checkNotRevoked(found)
    checkIsNotMigrationDevice(found, 'it has no app password')
    const owner: PasswordOwner = { mailboxId: found.mailbox_id, address: found.address, deviceName: found.name, device: found.id }
    return { owner, device: found.id, password: await makePassword(this.#context, chosen, owner) }
  }

  async setPreparedPassword({ owner, device: id, password: { shown, columns } }: PreparedPassword): Promise<DeviceWithPassword> {
    const device = await this.#changeOne(id, async (change, row) => {
      if (columns.kind === 'chosen') await checkRoomForChosen(change.db, owner)
      await replacePassword(change, row, columns)
    })
    return { device, password: shown }
  }

  /** Whether this is the device's password now. Costs a hash. */
  async isPassword(ref: string, secret: Secret): Promise<boolean> {
    const { phc, kind, state } = await getDeviceRow(this.#context.db, await resolveDevice(this.#context.db, ref))
    return kind !== 'legacy' && state !== 'revoked' && deviceHasher().verify(phc, normaliseSecret(secret))
  }

  async disable(ref: string): Promise<Device> {
    return this.#setState(ref, 'disabled')
  }

  async enable(ref: string): Promise<Device> {
    return this.#setState(ref, 'active')
  }

  /** Revokes all or, when one reference is wrong, none. What is revoked already stays as it is. */
  async revoke(refs: readonly string[]): Promise<Device[]> {
    return this.#context.change(async change => {
      const ids = new Set<DeviceId>()
      for (const ref of refs) ids.add(await resolveDevice(change.db, ref))
      return revokeAll(change, [...ids])
    })
  }

  /** Revokes every device of a mailbox; returns those that were not revoked before. Throws NOT_FOUND. */
  async revokeAll(addressText: string): Promise<Device[]> {
    const address = parseAddress(addressText)
    return this.#context.change(async change => {
      const mailbox = await getMailboxRow(change.db, address)
      const devices = await change.db
        .selectFrom('devices')
        .select('id')
        .where('mailbox_id', '=', mailbox.id)
        .where('state', '<>', 'revoked')
        .orderBy('name_key')
        .execute()
      return revokeAll(
        change,
        devices.map(({ id }) => id),
      )
    })
  }

  /** Takes a device out that was revoked already, and all that is kept with it but the audit, which tells of its end, and its attempts. For one that no person ever had. */
  async forgetRevoked(id: DeviceId): Promise<void> {
    await this.#context.change(async change => {
      const device = await getDeviceRow(change.db, id)
      if (device.state !== 'revoked') throw new Error('a device is forgotten only after it was revoked')
      await forgetSending(change.db, 'device', [id])
      await change.db.deleteFrom('devices').where('id', '=', id).execute()
    })
  }

  async #setState(ref: string, state: 'active' | 'disabled'): Promise<Device> {
    return this.#changeOne(ref, (change, device) => changeState(change, device, state))
  }

  /** Changes one device that is not revoked and returns it as it is afterwards. */
  async #changeOne(ref: string, act: (change: Change, device: DeviceRow) => Promise<void>): Promise<Device> {
    return this.#context.change(async change => {
      const device = await getDeviceRow(change.db, await resolveDevice(change.db, ref))
      checkNotRevoked(device)
      await act(change, device)
      return getDevice(change.db, device.id, change.at)
    })
  }
}

async function revokeAll(change: Change, ids: readonly DeviceId[]): Promise<Device[]> {
  const devices: Device[] = []
  let isChanged = false
  for (const id of ids) {
    if (await revokeDevice(change, await getDeviceRow(change.db, id))) isChanged = true
    devices.push(await getDevice(change.db, id, change.at))
  }
  if (isChanged) await change.moveGeneration()
  return devices
}

/** Throws NOT_FOUND, BAD_INPUT. */
async function findLink(db: Kysely<Schema>, user: string | null): Promise<UserLink> {
  return user === null ? { id: null, login: null } : getUserRow(db, parseLogin(user))
}
