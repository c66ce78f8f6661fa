/**
 * Which aliases a row of an import adds and removes. Throws before anything is written.
 */
import type { Kysely } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import type { MailboxId } from '../../base/ids.ts'
import { checkAddressIsFree, MAX_ALIASES, readAliases } from '../accounts/alias-rows.ts'
import type { Schema } from '../schema/schema.ts'
import { BadRow } from './import-rows.ts'

export interface PlannedAliases {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

interface AliasPlan {
  readonly id: MailboxId
  readonly address: string
  readonly isNew: boolean
  /** Undefined: not said. */
  readonly wanted: readonly string[] | undefined
}

/** Throws BadRow. */
export async function planAliases(db: Kysely<Schema>, { id, address, isNew, wanted }: AliasPlan): Promise<PlannedAliases> {
  if (isNew) await checkFree(db, 'address', address)
  if (wanted === undefined) return { added: [], removed: [] }
  if (wanted.length > MAX_ALIASES) throw new BadRow(`aliases: a mailbox has at most ${MAX_ALIASES}`)
  const present = isNew ? [] : await readAliases(db, id)
  const added = [...new Set(wanted)].filter(alias => !present.includes(alias))
  if (added.includes(address)) throw new BadRow('aliases: the mailbox’s own address is no alias')
  for (const alias of added) await checkFree(db, 'aliases', alias)
  return { added, removed: present.filter(alias => !wanted.includes(alias)) }
}

async function checkFree(db: Kysely<Schema>, cell: string, address: string): Promise<void> {
  try {
    await checkAddressIsFree(db, address)
  } catch (error) {
    if (error instanceof MailwicketError && error.code === 'ALREADY_EXISTS') throw new BadRow(`${cell}: the address is another mailbox’s, or an alias of one`)
    throw error
  }
}
