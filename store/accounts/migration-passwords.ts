/**
 * Migration passwords: until a date the upstream's own password of a mailbox is accepted too, so that its apps can move one by one (architecture §3).
 *
 * In the store this is a device (`migration-rows.ts`): its expiry is the date, and revocation, last connection, scopes, networks and sessions
 * are those of every device. Here are the changes of many mailboxes, and who still uses it; one mailbox is changed in `mailboxes.ts`.
 */
import { Problem } from '../../base/problems.ts'
import type { StoreContext } from '../store-context.ts'
import { type Device, selectDevices, toDevice } from './devices/device-rows.ts'
import { setMigrationPasswordUntil } from './migration-rows.ts'

/** One mailbox that takes its upstream password, or did until its date. */
export interface MigrationPasswordUse {
  readonly address: string
  /** Milliseconds since 1970, UTC. */
  readonly until: number
  /** `legacy`: accepted now; `expired`: no longer; `disabled`: not now. */
  readonly state: Device['state']
  /** App passwords that the mailbox has. */
  readonly devices: number
  /** With the upstream password. */
  readonly lastConnection: Device['lastConnection']
  /** Live now, with the upstream password. */
  readonly sessions: number
}

/** One transaction for so many mailboxes: gateways write their records between two. */
const MAILBOXES_PER_CHANGE = 200

export class MigrationPasswords {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Of every mailbox whose address ends in `@domain`; null ends it. Throws NOT_FOUND when there is none. */
  async setForDomain(
    domain: string,
    until: number | null,
    onProgress: (state: { readonly done: number; readonly total: number }) => void = () => {},
  ): Promise<{ readonly mailboxes: number; readonly changed: number }> {
    const mailboxes = await this.#context.db.selectFrom('mailboxes').select(['id', 'address']).where('domain', '=', domain).orderBy('address').execute()
    if (mailboxes.length === 0) throw new Problem('domain.unknown', { domain })
    let changed = 0
    for (let at = 0; at < mailboxes.length; at += MAILBOXES_PER_CHANGE) {
      const part = mailboxes.slice(at, at + MAILBOXES_PER_CHANGE)
      await this.#context.change(async change => {
        for (const mailbox of part) if (await setMigrationPasswordUntil(change, mailbox, until)) changed += 1
      })
      onProgress({ done: at + part.length, total: mailboxes.length })
    }
    return { mailboxes: mailboxes.length, changed }
  }

  /** Who used it last comes first, who never did last. */
  async list(): Promise<MigrationPasswordUse[]> {
    const { db } = this.#context
    const now = this.#context.now()
    const rows = await selectDevices(db, now)
      .select(row =>
        row
          .selectFrom('devices as own')
          .select(count => count.fn.countAll<number>().as('n'))
          .whereRef('own.mailbox_id', '=', 'devices.mailbox_id')
          .where('own.state', '<>', 'revoked')
          .where('own.kind', '<>', 'legacy')
          .as('own_devices'),
      )
      .where('devices.kind', '=', 'legacy')
      .where('devices.state', '<>', 'revoked')
      .orderBy('mailboxes.address')
      .execute()
    const uses = rows.map(row => {
      const { mailbox: address, state, expiresAt, lastConnection, sessions } = toDevice(row, now)
      return { address, until: expiresAt ?? 0, state, devices: Number(row.own_devices ?? 0), lastConnection, sessions }
    })
    return uses.sort((a, b) => (b.lastConnection?.at ?? 0) - (a.lastConnection?.at ?? 0))
  }
}
