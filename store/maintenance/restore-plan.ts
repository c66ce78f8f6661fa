/**
 * What restoring a backup does to devices and mailboxes, asked of both stores at once: `main` is the store, `copy` the backup attached beside it.
 *
 * SECURITY: a backup knows nothing of what happened since. Whoever was locked out after it was made must not get in by a restore
 * that nobody meant that way; so every such device is found, by whatever took its right away.
 */
import { type Kysely, sql } from 'kysely'
import type { Schema } from '../schema/schema.ts'

/** `keep`: what took rights away since the backup stays so. `undo`: everything is as it was in the backup. */
export type RightsSince = 'keep' | 'undo'

/** Devices as `ADDR/NAME`, or mailboxes; the names of the first so many. */
export interface DeviceNames {
  readonly count: number
  readonly names: readonly string[]
}

export interface RestorePlan {
  /** Locked out or bound more closely since the backup, and staying so: `ADDR/NAME (revoked)`. */
  readonly kept: DeviceNames
  /** Locked out or removed since the backup, and getting in again. */
  readonly revived: DeviceNames
  /** Made since the backup, and gone with the restore. */
  readonly lost: DeviceNames
  /** Mailboxes whose mail would be looked for elsewhere than now: `ADDR (upstream main, login anna)`. */
  readonly movedBack: DeviceNames
}

/** As many as an answer or an audit row can hold; the counts are of all. */
const MAX_NAMES = 1_000

/** Devices that are in the backup and could get in by it, and why they cannot now, or not as far. */
const tightened = sql<{ label: string; why: string }>`
  select label, why from (
    select bm.address || '/' || b.name as label, case
      when p.state = 'revoked' or (p.id is null and b.id in (select subject_id from main.audit where action = 'device.revoked')) then 'revoked'
      when p.id is null and b.mailbox_id in (select subject_id from main.audit where action = 'mailbox.removed') then 'removed'
      when p.state = 'disabled' and b.state = 'active' then 'disabled'
      when pm.state = 'disabled' and bm.state = 'active' then 'mailbox disabled'
      when coalesce(bu.state, 'active') = 'active' and 'blocked' in (pu.state, nu.state) then 'user blocked'
      when p.phc <> b.phc and p.password_changed_at >= b.password_changed_at then 'new password'
      when p.expires_at < b.expires_at or (p.expires_at is not null and b.expires_at is null) then 'expires earlier'
      when b.scopes = 'imap,smtp' and p.scopes <> b.scopes then 'scope'
      when p.allow_from <> '' and p.allow_from <> b.allow_from then 'networks'
    end as why
    from copy.devices b
    join copy.mailboxes bm on bm.id = b.mailbox_id
    left join copy.users bu on bu.id = b.user_id
    left join main.devices p on p.id = b.id
    left join main.mailboxes pm on pm.id = b.mailbox_id
    left join main.users pu on pu.id = b.user_id
    left join main.users nu on nu.id = p.user_id
    where b.state <> 'revoked'
  ) where why is not null`

const lost = sql<{ label: string }>`
  select m.address || '/' || p.name as label from main.devices p join main.mailboxes m on m.id = p.mailbox_id
  where p.state <> 'revoked' and p.id not in (select id from copy.devices)`

const movedBack = sql<{ label: string; why: string }>`
  select b.address as label, 'upstream ' || b.upstream || ', login ' || coalesce(b.login, b.address) as why
  from copy.mailboxes b join main.mailboxes p on p.id = b.id
  where b.upstream <> p.upstream or coalesce(b.login, b.address) <> coalesce(p.login, p.address)`

/** Compares the store with the backup that is attached as `copy`. */
export async function planRestore(db: Kysely<Schema>, rights: RightsSince): Promise<RestorePlan> {
  const all = (await sql<{ label: string; why: string }>`${tightened} order by label`.execute(db)).rows
  // A device whose mailbox was removed is no longer known here; bringing it back is what such a restore is for.
  const isKept = ({ why }: { why: string }): boolean => rights === 'keep' && why !== 'removed'
  const made = (await sql<{ label: string }>`${lost} order by label`.execute(db)).rows
  const moved = (await sql<{ label: string; why: string }>`${movedBack} order by label`.execute(db)).rows
  return { kept: namesOf(all.filter(isKept)), revived: namesOf(all.filter(device => !isKept(device))), lost: namesOf(made), movedBack: namesOf(moved) }
}

function namesOf(devices: readonly { readonly label: string; readonly why?: string }[]): DeviceNames {
  return { count: devices.length, names: devices.slice(0, MAX_NAMES).map(({ label, why }) => (why === undefined ? label : `${label} (${why})`)) }
}
