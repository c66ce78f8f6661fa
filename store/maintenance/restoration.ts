/**
 * What every restore has in common, wherever the store lies: what it is asked and what it answers, what has to be looked at under the lock, its entry in
 * the audit, and a backup made ready to be a store where no other can be asked.
 */
import { existsSync } from 'node:fs'
import { type Kysely, sql } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import type { Config } from '../../config/config.ts'
import type { Keyring } from '../keys/master-key.ts'
import { openPepper } from '../keys/store-keys.ts'
import { openCopy } from '../open-backend.ts'
import type { Backend, OnProgress } from '../schema/backend.ts'
import { liveSince } from '../schema/node-liveness.ts'
import type { Schema } from '../schema/schema.ts'
import { type Actor, type Change, StoreContext } from '../store-context.ts'
import type { KeyIds } from './backup-file.ts'
import type { RestorePlan, RightsSince } from './restore-plan.ts'
import { endUnknown } from './restore-sign-in.ts'

export interface RestoreOptions {
  readonly config: Pick<Config, 'store' | 'dataDir'>
  readonly keyring: Keyring
  readonly actor: Actor
  readonly file: string
  /** `keep` unless told. */
  readonly rights?: RightsSince | undefined
  readonly now?: (() => number) | undefined
  /** Counts bytes of the file, then pages of the copy that is kept of the present store. */
  readonly onProgress?: OnProgress
}

export interface Restoration extends RestorePlan {
  /** Where the replaced store lies now; null: there was none. */
  readonly keptAs: string | null
  readonly keyId: string
}

/** A backup that was checked and waits to be put in place; `close` it whatever happens. */
export interface PreparedRestore {
  /** Undefined: there is no sound store to compare with. */
  readonly plan: RestorePlan | undefined
  readonly keyId: string
  apply(): Promise<Restoration>
  close(): Promise<void>
}

const NONE = { count: 0, names: [] }
export const NOBODY: RestorePlan = { kept: NONE, revived: NONE, lost: NONE, movedBack: NONE }
/** A change between copy and transaction makes another copy necessary; commands are rarely that many. */
export const MAX_COPIES = 5
/** An audit row is read by people: more names are in the answer of the command. */
const MAX_AUDITED_NAMES = 100

export type AloneWork = RestoreOptions & { readonly source: string; readonly draft: string; readonly keyId: string; readonly now: () => number }

/** Moves with every change that a command makes. */
export async function stateOf(db: Kysely<Schema>): Promise<string> {
  const { rows } = await sql<{ state: string }>`
    select (select cast(value as text) from generation) || ' ' || (select cast(coalesce(max(id), 0) as text) from audit) as state`.execute(db)
  return rows[0]?.state ?? ''
}

export async function auditRestore(
  change: Change,
  { source, keyId, keptAs, rights, plan }: { source: string; keyId: string; keptAs: string | null; rights: RightsSince; plan: RestorePlan },
): Promise<void> {
  const { kept, revived, lost, movedBack } = plan
  const after = {
    file: source,
    key: keyId,
    keptAs,
    rightsSince: rights,
    kept: kept.count,
    lost: lost.count,
    revived: revived.names.slice(0, MAX_AUDITED_NAMES),
    movedBack: movedBack.names.slice(0, MAX_AUDITED_NAMES),
  }
  await change.audit({ action: 'store.restored', subject: 'store', subjectId: null, before: null, after })
}

/** A rotation that finished since has removed what it replaced. Under the lock, which a rotation takes for that too. Throws KEY_WRONG. */
export function checkKeysStay(keyring: Keyring, needed: KeyIds): void {
  keyring.refresh()
  const gone = needed.find(id => !keyring.ids.includes(id))
  if (gone === undefined) return
  throw new MailwicketError('KEY_WRONG', {
    message: `the backup needs the master key ${gone}, which a rotation has removed meanwhile: put it on a second line`,
  })
}

/** A gateway reads the pepper when it starts: it cannot go on with the passwords of another store. Throws STORE_IN_USE. */
export async function checkSameStore(present: Pick<Backend, 'db'>, draft: string, keyring: Keyring, now: number): Promise<void> {
  const alive = await present.db.selectFrom('nodes').select('id').where('heartbeat_at', '>', liveSince(now)).execute()
  if (alive.length === 0 || (await hasSamePepper(present, draft, keyring))) return
  throw inUse(`the backup is of another store than the one that gateways run on (node ${alive.map(({ id }) => id).join(', ')})`)
}

async function hasSamePepper(present: Pick<Backend, 'db'>, draft: string, keyring: Keyring): Promise<boolean> {
  const copy = await openCopy(draft, 'read')
  try {
    const [ours, theirs] = [await openPepper(present.db, keyring), await openPepper(copy.db, keyring)]
    return ours.reveal().equals(theirs.reveal())
  } catch (error) {
    // The present store's key is not at hand: nobody can say that they are the same.
    if (error instanceof MailwicketError && error.code === 'KEY_WRONG') return false
    throw error
  } finally {
    await copy.close()
  }
}

/** The copy as the store that it will be where no other can be asked: without sessions, and without what may have ended since. */
export async function makeReadyAlone({ keyring, actor, rights = 'keep', source, draft, keyId, now }: AloneWork, keptAs: string | null): Promise<void> {
  const copy = await openCopy(draft, 'write')
  try {
    const context = new StoreContext({ backend: copy, now, keyring: () => keyring, generatedOnly: false }, actor)
    await context.change(async change => {
      await change.db.deleteFrom('sessions').execute()
      await change.db.deleteFrom('nodes').execute()
      await endUnknown(change.db, change.at)
      await change.moveGeneration()
      await auditRestore(change, { source, keyId, keptAs, rights, plan: NOBODY })
    })
    copy.becomeSingleFile()
  } finally {
    await copy.close()
  }
}

/** A name that is free. */
export function keptName(path: string, now: number): string {
  const name = `${path}.before-restore-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')}`
  let free = name
  for (let again = 2; existsSync(free); again++) free = `${name}-${again}`
  return free
}

export function inUse(message: string): MailwicketError {
  return new MailwicketError('STORE_IN_USE', { message })
}
