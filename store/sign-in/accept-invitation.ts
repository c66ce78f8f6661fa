/**
 * Accepting an invitation: the link is used up and what it stands for is made, in one transaction.
 *
 * `gone`: used, revoked, over or unknown, all the same to whoever asks. `other`: it names another person than the one who is signed in.
 */

import { type DeviceId, makeId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import type { Secret } from '../../base/secret.ts'
import { insertDevice, replacePassword, type UserLink } from '../accounts/devices/device-changes.ts'
import { parseDeviceName } from '../accounts/devices/device-names.ts'
import { checkRoomForChosen, makePassword, type PasswordOwner } from '../accounts/devices/device-passwords.ts'
import { checkNameIsFree, type Device, getDevice, getDeviceRow, termColumns } from '../accounts/devices/device-rows.ts'
import { checkNameIsNotReserved } from '../accounts/migration-rows.ts'
import { setRights } from '../accounts/people/rights.ts'
import { readRights } from '../accounts/people/role-rows.ts'
import { findUserRow, getUserRow, parseLogin } from '../accounts/people/user-rows.ts'
import { hashToken } from '../passwords/random-token.ts'
import type { Change, StoreContext } from '../store-context.ts'
import { storePassword } from './credentials.ts'
import { type InvitationRow, type InvitationTerms, selectOpen } from './invitation-rows.ts'
import { auditInvitation } from './invitations.ts'

export type Accepted<Result> = ({ readonly is: 'accepted' } & Result) | { readonly is: 'gone' } | { readonly is: 'other' }

export interface DeviceAcceptance {
  /** Login of who is signed in; null: nobody. */
  readonly user: string | null
  /** Of the new device; an existing one keeps its own. */
  readonly name: string
  /** A chosen password; one is generated when left out. */
  readonly password?: Secret | undefined
}

export class AcceptInvitation {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Makes the device of a `device` invitation, or the new password of a `phone` one. Throws ALREADY_EXISTS (the name), BAD_INPUT. */
  async withDevice(
    token: Secret,
    { user, name: nameText, password: chosen }: DeviceAcceptance,
  ): Promise<Accepted<{ readonly device: Device; readonly password: Secret }>> {
    const context = this.#context
    const login = user === null ? null : parseLogin(user)
    const found = await selectOpen(context.db, hashToken(token), context.now()).executeTakeFirst()
    if (found === undefined || found.kind === 'start' || found.mailbox_id === null || found.mailbox === null) return { is: 'gone' }
    if (found.user !== null && found.user !== login) return { is: 'other' }
    const mailbox = { id: found.mailbox_id, address: found.mailbox }
    const present = found.device_id === null ? undefined : await getDeviceRow(context.db, found.device_id)
    const name = present?.name ?? parseDeviceName(nameText)
    if (present === undefined) {
      checkNameIsNotReserved(name)
      await checkNameIsFree(context.db, { mailbox_id: mailbox.id, address: mailbox.address }, name, null)
    }
    const owner: PasswordOwner = { mailboxId: mailbox.id, address: mailbox.address, deviceName: name, device: present?.id ?? null }
    const { shown, columns } = await makePassword(context, chosen, owner)
    return context.change(async change => {
      // Hashing took its time: whoever was faster has the invitation.
      const row = await selectOpen(change.db, hashToken(token), change.at).executeTakeFirst()
      if (row === undefined || row.id !== found.id) return { is: 'gone' }
      if (chosen !== undefined) await checkRoomForChosen(change.db, owner)
      let id: DeviceId
      if (row.device_id !== null) {
        const device = await getDeviceRow(change.db, row.device_id)
        if (device.state === 'revoked') return { is: 'gone' }
        await replacePassword(change, device, columns)
        id = device.id
      } else {
        id = await insertInvited(change, row, mailbox, { name, password: columns, login })
      }
      await close(change, row, id)
      return { is: 'accepted', device: await getDevice(change.db, id, change.at), password: shown }
    })
  }

  /** Gives the person of a `start` invitation a password; hash it before. Sessions that the person had end. */
  async withAccount(token: Secret, phc: string): Promise<Accepted<{ readonly login: string }>> {
    return this.#context.change(async change => {
      const row = await selectOpen(change.db, hashToken(token), change.at).executeTakeFirst()
      if (row?.kind !== 'start' || row.user === null) return { is: 'gone' }
      const user = await getUserRow(change.db, row.user)
      if (user.state !== 'active') return { is: 'gone' }
      await close(change, row, null)
      await storePassword(change, user, phc)
      return { is: 'accepted', login: user.login }
    })
  }
}

interface NewInvited {
  readonly name: string
  readonly password: Parameters<typeof insertDevice>[2]['password']
  readonly login: string | null
}

/** Throws ALREADY_EXISTS. */
async function insertInvited(
  change: Change,
  row: InvitationRow,
  mailbox: { readonly id: NonNullable<InvitationRow['mailbox_id']>; readonly address: string },
  { name, password, login }: NewInvited,
): Promise<DeviceId> {
  await checkNameIsFree(change.db, { mailbox_id: mailbox.id, address: mailbox.address }, name, null)
  const terms = JSON.parse(row.terms) as InvitationTerms
  let link: UserLink = { id: null, login: null }
  if (row.user_id !== null && login !== null) {
    const user = await findUserRow(change.db, login)
    if (user === undefined || user.state !== 'active') throw new Problem('user.unknown', { login })
    const before = await readRights(change.db, user.id, mailbox.id)
    // Somebody new here sends if the device does; from whom sending was taken, it stays taken unless the invitation says otherwise.
    const isNew = !Object.values(before).some(Boolean)
    const send = before.send || (terms.rights.send ?? (isNew && terms.scopes.includes('smtp')))
    const { make = false, see = false, manage = false } = terms.rights
    await setRights(change, user, mailbox, { use: true, make: before.make || make, see: before.see || see, send, manage: before.manage || manage })
    link = { id: user.id, login: user.login }
  }
  const id = makeId<DeviceId>()
  await insertDevice(change, mailbox, { id, name, state: 'active', password, terms: termColumns(terms), link })
  return id
}

async function close(change: Change, row: InvitationRow, device: DeviceId | null): Promise<void> {
  await change.db
    .updateTable('invitations')
    .set({ state: 'accepted', token_hash: null, closed_at: change.at, made_device_id: row.kind === 'device' ? device : null })
    .where('id', '=', row.id)
    .execute()
  await auditInvitation(change, row, 'invitation.accepted', { device })
}
