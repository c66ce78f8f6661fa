/**
 * Aliases: more addresses that log in to a mailbox, and that `own` stands for in its rules of sending.
 *
 * Invariant: an address is one mailbox's, as its address or as an alias of it.
 */

import { parseAddress } from '../../base/address.ts'
import type { Change, StoreContext } from '../store-context.ts'
import { type AliasOwner, addAlias, readAliases, removeAlias } from './alias-rows.ts'
import { getMailboxRow } from './mailbox-rows.ts'

export class Aliases {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** In alphabetic order. Throws NOT_FOUND. */
  async of(mailbox: string): Promise<readonly string[]> {
    const { db } = this.#context
    return readAliases(db, (await getMailboxRow(db, parseAddress(mailbox))).id)
  }

  /** The address of the mailbox that an address stands for: itself, or what it is an alias of; undefined: nobody's. */
  async resolve(address: string): Promise<string | undefined> {
    const wanted = parseAddress(address)
    const row = await this.#context.db
      .selectFrom('mailboxes')
      .select('address')
      .where('address', '=', wanted)
      .unionAll(
        this.#context.db
          .selectFrom('aliases')
          .innerJoin('mailboxes', 'mailboxes.id', 'aliases.mailbox_id')
          .select('mailboxes.address')
          .where('aliases.address', '=', wanted),
      )
      .executeTakeFirst()
    return row?.address
  }

  /** Gives all aliases of the mailbox afterwards. Throws NOT_FOUND, ALREADY_EXISTS, BAD_INPUT. */
  async add(mailbox: string, alias: string): Promise<readonly string[]> {
    return this.#changeOne(mailbox, (change, row) => addAlias(change, row, parseAddress(alias)))
  }

  /** Nobody logs in by it any more; a session that lives goes on, and no longer sends by it. Throws NOT_FOUND. */
  async remove(mailbox: string, alias: string): Promise<readonly string[]> {
    return this.#changeOne(mailbox, (change, row) => removeAlias(change, row, parseAddress(alias)))
  }

  #changeOne(mailbox: string, act: (change: Change, row: AliasOwner) => Promise<void>): Promise<readonly string[]> {
    const address = parseAddress(mailbox)
    return this.#context.change(async change => {
      const row = await getMailboxRow(change.db, address)
      await act(change, row)
      return readAliases(change.db, row.id)
    })
  }
}
