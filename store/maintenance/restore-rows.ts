/**
 * Putting the rows of a backup in the place of the store's, within one transaction: `main` is the store, `copy` the backup attached beside it.
 * The rows are first made ready in the copy, which is thrown away afterwards; then those that differ change places. Foreign keys are not
 * held meanwhile (`Backend.attach`), so that tables may follow each other in any order; they are checked at the end.
 *
 * Invariants: the audit only grows; live gateways keep their rows; the generation moves beyond both; what was sent today stays counted.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import type { Schema } from '../schema/schema.ts'
import type { RightsSince } from './restore-plan.ts'
import { endSignIn, makeSignInReady } from './restore-sign-in.ts'

/**
 * What happens to each table; a new table does not compile until somebody has decided.
 * `replaced`: by the copy's rows, as `makeReady` left them. `kept`: stays as it is. `grows`: takes from the backup what it has not.
 */
const TABLES = {
  users: 'replaced',
  mailboxes: 'replaced',
  devices: 'replaced',
  last_connections: 'replaced',
  sending_rules: 'replaced',
  sent_counts: 'replaced',
  aliases: 'replaced',
  roles: 'replaced',
  rights: 'replaced',
  preferences: 'replaced',
  credentials: 'replaced',
  passkeys: 'replaced',
  recovery_codes: 'replaced',
  api_tokens: 'replaced',
  invitations: 'replaced',
  /** The pepper and the key id belong to what is sealed. */
  meta: 'replaced',
  upstream_keywords: 'kept',
  /** Guessers are not let go of by a restore. */
  failure_counts: 'kept',
  known_blocks: 'kept',
  /** They end: `restore-sign-in.ts`. */
  portal_sessions: 'kept',
  /** What was done is not done again. */
  once: 'kept',
  /** Mail that was sent is not sent again. */
  notices: 'kept',
  nodes: 'kept',
  sessions: 'kept',
  generation: 'kept',
  activity: 'grows',
  audit: 'grows',
} as const satisfies Record<keyof Schema, 'replaced' | 'kept' | 'grows'>

/** Whether a restore makes the rows of this table those of the backup, as far as it gives them back. */
export function rowsReplacedIn(table: keyof Schema): boolean {
  return TABLES[table] === 'replaced'
}

type Run = (statement: RawBuilder<unknown>) => Promise<void>

/**
 * Records in the copy which devices differ, before the transaction and its lock: what is narrowed is among them. Valid as long as no command
 * changes the store.
 */
export async function recordChanged(db: Kysely<Schema>): Promise<void> {
  const { all } = await columnsOf(db, 'devices')
  await sql`drop table if exists copy.changed`.execute(db)
  await sql`create table copy.changed as select id from (select ${all} from copy.devices except select ${all} from main.devices)`.execute(db)
}

/** `recordChanged` was called, and nothing changed since. */
export async function replaceRows(db: Kysely<Schema>, rights: RightsSince, now: number): Promise<void> {
  const run: Run = async statement => void (await statement.execute(db))
  if (rights === 'keep') {
    await keepUsers(db, run)
    await keepRights(run)
  }
  await makeReady(run, now)
  await makeSignInReady(db, rights, now)
  const replaced = Object.entries(TABLES)
    .filter(([, rule]) => rule === 'replaced')
    .map(([table]) => table)
  const columns = new Map<string, Columns>()
  for (const table of replaced) columns.set(table, await columnsOf(db, table))
  // All before anything is inserted: a name or an address may have gone from one row to another.
  for (const [table, { all, key }] of columns) {
    const other = sql`select ${all} from ${sql.table(`main.${table}`)} except select ${all} from ${sql.table(`copy.${table}`)}`
    await run(sql`delete from ${sql.table(`main.${table}`)} where (${key}) in (select ${key} from (${other}))`)
  }
  for (const [table, { all, key }] of columns) {
    const [ours, theirs] = [sql.table(`main.${table}`), sql.table(`copy.${table}`)]
    await run(sql`insert into ${ours} (${all}) select ${all} from ${theirs} where (${key}) not in (select ${key} from ${ours})`)
  }
  await endSignIn(db)
  await run(sql`delete from main.known_blocks where mailbox_id not in (select id from main.mailboxes)`)
  const dangling = await sql`pragma main.foreign_key_check`.execute(db)
  if (dangling.rows.length > 0)
    throw new MailwicketError('STORE_DAMAGED', { message: 'rows of the backup refer to rows that it does not have', remedy: 'Take another backup.' })
  await addActivity(run)
  await addAudit(db, run)
  await run(sql`update main.generation set value = max(value, (select value from copy.generation)) + 1`)
}

/**
 * Whoever is blocked or may not send stays so, with every device that is his now: also with those that the backup gives to nobody or to somebody
 * else. Somebody whom the backup does not have is taken over; where it has another person under his login, the devices themselves are bound.
 */
async function keepUsers(db: Kysely<Schema>, run: Run): Promise<void> {
  const { all } = await columnsOf(db, 'users')
  const denied = sql`select subject_id from main.sending_rules where may_send = 0`
  const bound = sql`select id from main.users where state = 'blocked' or id in (${denied})`
  await run(sql`
    insert into copy.users (${all}) select ${all} from main.users
    where id in (${bound}) and id not in (select id from copy.users) and login not in (select login from copy.users)`)
  await run(sql`update copy.users set state = 'blocked' where id in (select id from main.users where state = 'blocked')`)
  await run(sql`
    update copy.devices as b set user_id = (select p.user_id from main.devices p where p.id = b.id)
    where b.id in (select id from copy.changed)
      and exists (select 1 from main.devices p where p.id = b.id and p.user_id in (${bound}) and p.user_id in (select id from copy.users))
      and not exists (select 1 from copy.users u where u.id = b.user_id and u.state = 'blocked')`)
  const ofOthers = sql`
    select p.id from main.devices p join main.users u on u.id = p.user_id
    where p.id in (select id from copy.changed) and u.id in (${bound}) and u.id not in (select id from copy.users)`
  await run(sql`update copy.devices set state = 'disabled' where state = 'active' and id in (${ofOthers} and u.state = 'blocked')`)
  await run(sql`
    insert into copy.sending_rules (subject_kind, subject_id, may_send, senders, checks_from, recipients_per_message, recipients_per_day)
    select 'device', id, 0, null, 0, null, null from copy.devices where id in (${ofOthers} and u.id in (${denied}))
    on conflict (subject_kind, subject_id) do update set may_send = 0`)
}

/** Whatever was narrowed since the backup is narrowed in the copy too; the same list as in `restore-plan.ts`. */
async function keepRights(run: Run): Promise<void> {
  await run(sql`
    update copy.devices as b set state = 'revoked', revoked_at = coalesce((select p.revoked_at from main.devices p where p.id = b.id),
      (select max(at) from main.audit where action = 'device.revoked' and subject_id = b.id))
    where b.state <> 'revoked' and b.id in (select id from copy.changed) and (b.id in (select id from main.devices where state = 'revoked')
      or (b.id not in (select id from main.devices) and b.id in (select subject_id from main.audit where action = 'device.revoked')))`)
  await run(
    sql`update copy.devices set state = 'disabled' where state = 'active' and id in (select id from copy.changed) and id in (select id from main.devices where state = 'disabled')`,
  )
  await run(sql`update copy.mailboxes set state = 'disabled' where id in (select id from main.mailboxes where state = 'disabled')`)
  await run(sql`
    update copy.devices as b set (kind, phc, tag, bucket, password_version, password_changed_at) =
      (select kind, phc, tag, bucket, password_version, password_changed_at from main.devices p where p.id = b.id)
    where b.id in (select id from copy.changed) and exists (select 1 from main.devices p where p.id = b.id and p.phc <> b.phc and p.password_changed_at >= b.password_changed_at)`)
  await run(sql`
    update copy.devices as b set expires_at = (select p.expires_at from main.devices p where p.id = b.id)
    where b.id in (select id from copy.changed) and exists (select 1 from main.devices p where p.id = b.id and (p.expires_at < b.expires_at or (b.expires_at is null and p.expires_at is not null)))`)
  await run(sql`
    update copy.devices as b set scopes = (select p.scopes from main.devices p where p.id = b.id)
    where b.id in (select id from copy.changed) and b.scopes = 'imap,smtp' and exists (select 1 from main.devices p where p.id = b.id and p.scopes <> b.scopes)`)
  await run(sql`
    update copy.devices as b set allow_from = (select p.allow_from from main.devices p where p.id = b.id)
    where b.id in (select id from copy.changed) and exists (select 1 from main.devices p where p.id = b.id and p.allow_from <> '' and p.allow_from <> b.allow_from)`)
  const closest = (column: string): RawBuilder<unknown> => {
    const [ours, theirs] = [sql.ref(`excluded.${column}`), sql.ref(column)]
    return sql`${theirs} = min(coalesce(${ours}, ${theirs}), coalesce(${theirs}, ${ours}))`
  }
  await run(sql`
    insert into copy.sending_rules (subject_kind, subject_id, may_send, senders, checks_from, recipients_per_message, recipients_per_day)
    select subject_kind, subject_id, may_send, senders, checks_from, recipients_per_message, recipients_per_day from main.sending_rules
    where subject_id in (select id from copy.users union all select id from copy.mailboxes union all select id from copy.devices)
    on conflict (subject_kind, subject_id) do update set may_send = min(may_send, excluded.may_send), senders = coalesce(excluded.senders, senders),
      checks_from = max(checks_from, excluded.checks_from), ${closest('recipients_per_message')}, ${closest('recipients_per_day')}`)
}

/** What holds whichever way rights are treated. */
async function makeReady(run: Run, now: number): Promise<void> {
  // A session that was proved under one password must not pass for one under another that happens to have the same number.
  await run(sql`
    update copy.devices as b set password_version = (select max(p.password_version, b.password_version) + 1 from main.devices p where p.id = b.id)
    where b.id in (select id from copy.changed) and exists (select 1 from main.devices p where p.id = b.id and p.phc <> b.phc)`)
  await run(sql`
    update copy.devices as b set kicked_at = max(coalesce(b.kicked_at, 0), (select p.kicked_at from main.devices p where p.id = b.id))
    where b.id in (select id from copy.changed) and exists (select 1 from main.devices p where p.id = b.id and p.kicked_at is not null)`)
  // Sessions that read a mailbox where it no longer lies end, as after \`mailbox set --upstream\`.
  await run(sql`
    update copy.devices set kicked_at = ${now} where mailbox_id in (
      select b.id from copy.mailboxes b join main.mailboxes p on p.id = b.id where p.upstream <> b.upstream or p.login is not b.login)`)
  await run(sql`
    insert into copy.last_connections select * from main.last_connections where device_id in (select id from copy.devices)
    on conflict (device_id) do update set at = excluded.at, ip = excluded.ip, protocol = excluded.protocol, app = excluded.app,
      tls = excluded.tls, node_id = excluded.node_id where excluded.at > at`)
  await run(sql`
    insert into copy.sent_counts (subject_kind, subject_id, day, recipients) select subject_kind, subject_id, day, recipients from main.sent_counts where true
    on conflict (subject_kind, subject_id, day) do update set recipients = max(recipients, excluded.recipients)`)
}

export interface Columns {
  readonly all: RawBuilder<unknown>
  readonly key: RawBuilder<unknown>
}

/** By their names: the order in which two stores got their columns may differ. */
export async function columnsOf(db: Kysely<Schema>, table: string): Promise<Columns> {
  const { rows } = await sql<{ name: string; pk: number }>`select name, pk from pragma_table_info(${table}, 'main')`.execute(db)
  const refs = (columns: typeof rows): RawBuilder<unknown> => sql.join(columns.map(({ name }) => sql.ref(name)))
  return { all: refs(rows), key: refs(rows.filter(({ pk }) => pk > 0)) }
}

/** Attempts that the store does not remember, for example because it is a new one. */
async function addActivity(run: Run): Promise<void> {
  await run(sql`
    insert into main.activity (cursor, address, device_id, result, protocol, ip, app, first_at, last_at, count)
    select (select coalesce(max(cursor), 0) from main.activity) + row_number() over (order by b.cursor),
      b.address, b.device_id, b.result, b.protocol, b.ip, b.app, b.first_at, b.last_at, b.count
    from copy.activity b where not exists (select 1 from main.activity p where p.address = b.address and p.device_id = b.device_id
      and p.ip = b.ip and p.result = b.result and p.protocol = b.protocol and p.app = b.app and p.first_at = b.first_at)`)
}

/** Entries that the store does not have, in their order. Their times stay; their numbers are new. */
async function addAudit(db: Kysely<Schema>, run: Run): Promise<void> {
  const columns = sql.raw('at, actor, source, action, subject, subject_id, before, after')
  // A backup of this store: its last entry stands here under its number, and so do all before it, for nothing can change them.
  const last = await sql`
    select id, ${columns} from copy.audit where id = (select max(id) from copy.audit) intersect select id, ${columns} from main.audit where id = (select max(id) from copy.audit)`.execute(
    db,
  )
  if (last.rows.length > 0) return
  await run(sql`
    with missing as materialized (select ${columns} from copy.audit except select ${columns} from main.audit)
    insert into main.audit (${columns})
    select b.at, b.actor, b.source, b.action, b.subject, b.subject_id, b.before, b.after
    from copy.audit b join missing m on m.at = b.at and m.actor = b.actor and m.source = b.source and m.action = b.action and m.subject = b.subject
      and m.subject_id is b.subject_id and m.before is b.before and m.after is b.after
    order by b.id`)
}
