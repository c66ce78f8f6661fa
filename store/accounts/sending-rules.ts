/**
 * What a mailbox, a user or a device may send (architecture §5): how a person reads and sets it.
 * The rules of all three hold together: the strictest wins. A subject without a rule restricts nothing.
 */

import type { Kysely } from 'kysely'
import { parseAddress } from '../../base/address.ts'
import type { DeviceId } from '../../base/ids.ts'
import type { Schema } from '../schema/schema.ts'
import { changeSending, type FoundSubject, readSending, type SendingChanges } from '../sending/sending-change.ts'
import type { Sending } from '../sending/sending-rows.ts'
import type { StoreContext } from '../store-context.ts'
import { resolveDevice } from './devices/device-names.ts'
import { checkNotRevoked, getDeviceRow } from './devices/device-rows.ts'
import { getMailboxRow } from './mailbox-rows.ts'
import { getUserRow, parseLogin } from './people/user-rows.ts'

/** An address, a login, or a reference to a device. */
export type SendingSubject = { readonly mailbox: string } | { readonly user: string } | { readonly device: string }

export class SendingRules {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Throws NOT_FOUND, AMBIGUOUS_ID, BAD_INPUT. */
  async get(subject: SendingSubject): Promise<Sending> {
    const { db, now } = this.#context
    return readSending(db, await findSubject(db, subject), now())
  }

  /** Throws NOT_FOUND, AMBIGUOUS_ID, BAD_INPUT. */
  async set(subject: SendingSubject, changes: SendingChanges): Promise<Sending> {
    return this.#context.change(async change => {
      const found = await findSubject(change.db, subject)
      if (found.kind === 'device') checkNotRevoked(await getDeviceRow(change.db, found.id as DeviceId))
      await changeSending(change, found, changes)
      return readSending(change.db, found, change.at)
    })
  }

  /** Upstreams whose submission server some login has shown what it offers, by name. */
  async learntUpstreams(): Promise<ReadonlySet<string>> {
    const rows = await this.#context.db.selectFrom('upstream_keywords').select('upstream').execute()
    return new Set(rows.map(({ upstream }) => upstream))
  }
}

async function findSubject(db: Kysely<Schema>, subject: SendingSubject): Promise<FoundSubject> {
  if ('mailbox' in subject) {
    const { id, address } = await getMailboxRow(db, parseAddress(subject.mailbox))
    return { kind: 'mailbox', id, name: address }
  }
  if ('user' in subject) {
    const { id, login } = await getUserRow(db, parseLogin(subject.user))
    return { kind: 'user', id, name: login }
  }
  const { id, address, name } = await getDeviceRow(db, await resolveDevice(db, subject.device))
  return { kind: 'device', id, name: `${address}/${name}` }
}
