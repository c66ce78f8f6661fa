/**
 * A store moves into another database: every row is copied and compared, then the audit of the new one tells where it came from.
 *
 * Invariants: no command changes the old store meanwhile, and no gateway runs on it; it stays as it was; the new one is complete or not there.
 */
import { MailwicketError } from '../../base/errors.ts'
import { placeOf } from '../../config/config.ts'
import { createBackend, openBackend, type StoreConfig } from '../open-backend.ts'
import type { OnProgress } from '../schema/backend.ts'
import { checkVersion } from '../schema/migrations.ts'
import { liveSince } from '../schema/node-liveness.ts'
import { ServerClock } from '../server-clock.ts'
import { type Actor, StoreContext } from '../store-context.ts'
import type { CopiedTable } from './copy-rows.ts'
import { copyInto } from './copy-store.ts'

export interface MoveOptions {
  readonly from: StoreConfig
  readonly to: StoreConfig
  readonly actor: Actor
  readonly now?: (() => number) | undefined
  readonly onProgress?: OnProgress
}

/** Throws NOT_FOUND (no such store or database), ALREADY_EXISTS (the target holds a store), STORE_TOO_OLD, STORE_IN_USE, STORE_DAMAGED. */
export async function moveStore({ from, to, actor, now: machineNow = Date.now, onProgress }: MoveOptions): Promise<readonly CopiedTable[]> {
  const old = await openBackend(from, 'write')
  try {
    await checkVersion(old)
    const { now } = await ServerClock.open(old, machineNow)
    // Under the lock of changes: whoever changes something waits, and then finds the old store.
    return await old.change(async db => {
      const alive = await db.selectFrom('nodes').select('id').where('heartbeat_at', '>', liveSince(now())).execute()
      if (alive.length > 0)
        throw new MailwicketError('STORE_IN_USE', {
          message: `gateways run on the store (node ${alive.map(({ id }) => id).join(', ')}): what they write would be lost`,
        })
      let copied: readonly CopiedTable[] = []
      await createBackend(to, async backend => {
        const reader = await openBackend(from, 'read')
        try {
          copied = await copyInto(reader, backend, onProgress)
        } finally {
          await reader.close()
        }
        const parts = { backend, now, keyring: noKeyring, generatedOnly: false }
        const rows = copied.reduce((sum, table) => sum + table.rows, 0)
        await new StoreContext(parts, actor).change(change =>
          change.audit({ action: 'store.moved', subject: 'store', subjectId: null, before: { place: placeOf(from) }, after: { place: placeOf(to), rows } }),
        )
      })
      return copied
    })
  } finally {
    await old.close()
  }
}

function noKeyring(): never {
  throw new MailwicketError('KEY_UNREADABLE', { message: 'a move has no keys' })
}
