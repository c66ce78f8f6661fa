/**
 * What a restore does to roles, rights and to how people sign in: rows of the backup (`copy`) are made ready by what the store (`main`) knows.
 *
 * SECURITY: whichever way rights are treated, no session, token or passkey that has ended comes back, the password and the authenticator are
 * those of now, and nothing that works once works again: of what may have been used since the backup, without anybody here knowing, nothing is left open.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Schema } from '../schema/schema.ts'
import type { RightsSince } from './restore-plan.ts'

type Run = (statement: RawBuilder<unknown>) => Promise<void>

/** RFC 6238 §4.1: a step is 30 seconds since 1970. */
const STEP_MS = 30_000

/** Of people whom the store knows they stay as they are here. */
const AS_NOW: readonly (readonly [string, readonly string[]])[] = [
  ['credentials', ['user_id', 'phc', 'password_changed_at', 'sealed_totp', 'totp_added_at', 'totp_step']],
  ['recovery_codes', ['user_id', 'hash', 'used_at']],
]

/** Gone, and not merely unknown here as in a store that was made a moment ago. */
const removedUsers = sql`select subject_id from main.audit where action = 'user.removed'`
const removedMailboxes = sql`select subject_id from main.audit where action = 'mailbox.removed'`
const usersHere = sql`select id from main.users`

/** Before the rows change places. */
export async function makeSignInReady(db: Kysely<Schema>, rights: RightsSince, now: number): Promise<void> {
  const run: Run = async statement => void (await statement.execute(db))
  if (rights === 'keep') {
    await keepRoles(run)
    await keepAliases(run)
  }
  await keepFactors(run, now)
  await keepInvitations(run)
}

/** After they did: what stayed, of people and devices that the backup does not have. */
export async function endSignIn(db: Kysely<Schema>): Promise<void> {
  await sql`delete from main.portal_sessions`.execute(db)
  await sql`delete from main.notices where user_id is not null and user_id not in (select id from main.users)`.execute(db)
}

/** For a backup that becomes the store where none could be asked: `db` is the copy itself. */
export async function endUnknown(db: Kysely<Schema>, now: number): Promise<void> {
  await db.deleteFrom('portal_sessions').execute()
  await db.deleteFrom('notices').execute()
  await db.deleteFrom('recovery_codes').execute()
  await db.updateTable('invitations').set({ state: 'revoked', token_hash: null, closed_at: now }).where('state', '=', 'open').execute()
  await db
    .updateTable('credentials')
    .set({ totp_step: stepOf(now) })
    .where('sealed_totp', 'is not', null)
    .execute()
}

/** No role and no right that was taken since; those that were given since go with the restore, as devices do. */
async function keepRoles(run: Run): Promise<void> {
  await run(sql`
    delete from copy.roles where user_id in (${removedUsers})
      or (user_id in (${usersHere}) and (user_id, role, domain) not in (select user_id, role, domain from main.roles))`)
  await run(sql`
    delete from copy.rights where user_id in (${removedUsers})
      or (user_id in (${usersHere}) and mailbox_id in (select id from main.mailboxes)
        and (user_id, mailbox_id) not in (select user_id, mailbox_id from main.rights))`)
  const least = ['may_use', 'may_make', 'may_see', 'may_send', 'may_manage'].map(
    right =>
      sql`${sql.ref(right)} = min(${sql.ref(right)}, (select p.${sql.ref(right)} from main.rights p where p.user_id = b.user_id and p.mailbox_id = b.mailbox_id))`,
  )
  await run(sql`
    update copy.rights as b set ${sql.join(least)}
    where exists (select 1 from main.rights p where p.user_id = b.user_id and p.mailbox_id = b.mailbox_id)`)
  // Without a row nothing is refused: from whom sending was taken since, it stays taken.
  await run(sql`
    insert into copy.rights (user_id, mailbox_id, may_use, may_make, may_see, may_send, may_manage)
    select user_id, mailbox_id, 1, 0, 0, 0, 0 from main.rights
    where may_send = 0 and user_id in (select id from copy.users) and mailbox_id in (select id from copy.mailboxes)
      and (user_id, mailbox_id) not in (select user_id, mailbox_id from copy.rights)
      and exists (select 1 from copy.devices d where d.user_id = main.rights.user_id and d.mailbox_id = main.rights.mailbox_id)`)
}

async function keepAliases(run: Run): Promise<void> {
  await run(sql`delete from copy.aliases where mailbox_id in (select id from main.mailboxes) and address not in (select address from main.aliases)`)
}

async function keepFactors(run: Run, now: number): Promise<void> {
  const gone = sql`${removedUsers} union all ${usersHere}`
  for (const [table, names] of AS_NOW) {
    const columns = sql.join(names.map(name => sql.ref(name)))
    const [ours, theirs] = [sql.table(`main.${table}`), sql.table(`copy.${table}`)]
    await run(sql`delete from ${theirs} where user_id in (${gone})`)
    await run(sql`insert into ${theirs} (${columns}) select ${columns} from ${ours} where user_id in (select id from copy.users)`)
  }
  for (const table of ['passkeys', 'api_tokens']) {
    const ours = sql`select id from ${sql.table(`main.${table}`)}`
    await run(sql`delete from ${sql.table(`copy.${table}`)} where user_id in (${gone}) and id not in (${ours})`)
  }
  await run(sql`delete from copy.api_tokens where id in (select subject_id from main.audit where action = 'token.revoked')`)
  await run(sql`
    update copy.passkeys as b set counter = max(b.counter, (select p.counter from main.passkeys p where p.id = b.id)),
      used_at = (select p.used_at from main.passkeys p where p.id = b.id) where b.id in (select id from main.passkeys)`)
  // Of people whom the store does not know: nobody can say what they used since.
  await run(sql`delete from copy.recovery_codes where user_id not in (${usersHere})`)
  await run(sql`update copy.credentials set totp_step = ${stepOf(now)} where user_id not in (${usersHere}) and sealed_totp is not null`)
  await run(sql`delete from copy.portal_sessions`)
}

/** Each is as it is here; one that is unknown here, or that lost its mailbox since, is open no more. */
async function keepInvitations(run: Run): Promise<void> {
  await run(sql`
    update copy.invitations as b set (state, token_hash, ends_at, closed_at, opened_at, opened, made_device_id) =
      (select state, token_hash, ends_at, closed_at, opened_at, opened, made_device_id from main.invitations p where p.id = b.id)
    where b.id in (select id from main.invitations)`)
  await run(sql`
    update copy.invitations set state = 'revoked', token_hash = null where state = 'open'
      and (id not in (select id from main.invitations) or user_id in (${removedUsers}) or mailbox_id in (${removedMailboxes}))`)
}

function stepOf(now: number): number {
  return Math.floor(now / STEP_MS)
}
