/**
 * Rotation of the master key: everything sealed is opened and sealed again under a new key. The pepper's value never changes.
 *
 * May be killed at any point and started again: what is done stays done, and no key leaves the key file before nothing needs it.
 * Order: new key on the disk → the store names it → values in batches → older keys leave the file → the store forgets the rotation.
 */
import type { Kysely } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import { Problem } from '../../base/problems.ts'
import type { Keyring } from '../keys/master-key.ts'
import { countSealed, findKeysInUse, resealSome, SEALED_COLUMNS } from '../keys/sealed-columns.ts'
import { findMeta, getStoreKeyId, openPepper, storePepper } from '../keys/store-keys.ts'
import type { OnProgress } from '../schema/backend.ts'
import { setMeta } from '../schema/migrations.ts'
import type { Schema } from '../schema/schema.ts'
import type { Change, StoreContext } from '../store-context.ts'

export interface Rotation {
  readonly from: string
  readonly to: string
  /** Sealed values under the new key now, also those that an interrupted run had done. */
  readonly resealed: number
}

/** Some milliseconds of writing: gateways and other commands get their turn between two batches. */
const BATCH_ROWS = 200

export class Keys {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** The key the store is sealed under, and whether a rotation was begun and not finished. */
  async status(): Promise<{ readonly storeKeyId: string; readonly rotating: boolean }> {
    const { db } = this.#context
    return { storeKeyId: await getStoreKeyId(db), rotating: (await findMeta(db, 'key_rotation')) !== undefined }
  }

  /**
   * Rotates to a new key, or finishes a rotation that was interrupted. With a key file the new key is made here;
   * otherwise whoever provides the keys has put the new one first (BAD_INPUT says so). Throws KEY_WRONG, STORE_DAMAGED.
   */
  async rotate({ onProgress }: { readonly onProgress?: OnProgress } = {}): Promise<Rotation> {
    const keyring = this.#context.keyring()
    const { from, to } = await this.#context.change(change => begin(change, keyring))
    const resealed = await this.#resealAll(keyring, onProgress)
    await this.#context.change(async change => {
      await checkAllSealed(change.db, keyring)
      // SECURITY: under the lock, or a restore could bring back in between what needs an older key.
      if (keyring.source.kind === 'file') keyring.dropOlder()
      await change.db.deleteFrom('meta').where('name', '=', 'key_rotation').execute()
      await change.audit({ action: 'key.rotated', subject: 'store', subjectId: null, before: { key: from }, after: { key: to } })
    })
    return { from, to, resealed }
  }

  async #resealAll(keyring: Keyring, onProgress: OnProgress): Promise<number> {
    let total = await countSealed(this.#context.db)
    let done = 0
    for (const column of SEALED_COLUMNS) {
      let last: string | undefined = ''
      while (last !== undefined) {
        const after: string = last
        const batch = await this.#context.change(({ db }) => resealSome(db, keyring, column, { after, limit: BATCH_ROWS }))
        last = batch.last
        done += batch.rows
        total = Math.max(total, done)
        if (batch.rows > 0) onProgress?.({ done, total })
      }
    }
    return done
  }
}

/** Under the write lock: of two rotations at once the second finds the first one's key and helps it along. */
async function begin(change: Change, keyring: Keyring): Promise<{ from: string; to: string }> {
  keyring.refresh()
  const storeKeyId = await getStoreKeyId(change.db)
  const begun = await findMeta(change.db, 'key_rotation')
  if (begun !== undefined) {
    checkCurrent(keyring, storeKeyId)
    return { from: begun, to: storeKeyId }
  }
  const pepper = await openPepper(change.db, keyring)
  if (keyring.currentId === storeKeyId) {
    if (keyring.source.kind !== 'file') {
      throw new MailwicketError('BAD_INPUT', {
        message: 'the master key does not come from a key file, so Mailwicket cannot make the new one',
        remedy: 'Put a new key on the first line, leave the present one on the second, restart the gateways, then run this again.',
      })
    }
    // On the disk before the store names it. A run that is killed in between is continued by the next: the file's first key is new then.
    keyring.addCurrent()
  }
  await setMeta(change.db, 'key_rotation', storeKeyId)
  await setMeta(change.db, 'key_id', keyring.currentId)
  await storePepper(change.db, keyring, pepper)
  await change.audit({ action: 'key.rotation-begun', subject: 'store', subjectId: null, before: { key: storeKeyId }, after: { key: keyring.currentId } })
  return { from: storeKeyId, to: keyring.currentId }
}

/** Whether nothing needs an older key: a restore meanwhile would have brought back what does. Throws STORE_IN_USE. */
async function checkAllSealed(db: Kysely<Schema>, keyring: Keyring): Promise<void> {
  const others = (await findKeysInUse(db)).filter(id => id !== keyring.currentId)
  if (others.length === 0 && (await getStoreKeyId(db)) === keyring.currentId) return
  throw new Problem('rotation.disturbed', {})
}

function checkCurrent(keyring: Keyring, storeKeyId: string): void {
  if (keyring.currentId === storeKeyId) return
  throw new MailwicketError('KEY_WRONG', {
    message: `a rotation to the key ${storeKeyId} was begun, but the first key at hand is ${keyring.currentId}: put ${storeKeyId} first`,
  })
}
