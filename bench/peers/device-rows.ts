/**
 * Rows of mailboxes with three devices each, for a store of any size on either database: as generated devices are stored, with a hash that is never
 * computed. IDs are in no order, as real ones are.
 */
import { execFileSync } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'

const DEVICES_EACH = 3
const PHC = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`

interface Dialect {
  /** A number that is in no order, ten digits. */
  scatter(number: string): string
  readonly bytes: string
  readonly bucket: string
  numbers(from: number, to: number): string
}

const SQLITE: Dialect = {
  scatter: number => `printf('%010d', (${number}) * 48271 % 2147483647)`,
  bytes: 'randomblob(8)',
  bucket: '1 + abs(random() % 65535)',
  numbers: (from, to) => `(with recursive n(i) as (select ${from} union all select i + 1 from n where i < ${to}) select i from n)`,
}

const POSTGRES: Dialect = {
  scatter: number => `lpad(((${number})::bigint * 48271 % 2147483647)::text, 10, '0')`,
  bytes: `decode(substr(md5(random()::text), 1, 16), 'hex')`,
  bucket: '1 + floor(random() * 65535)',
  numbers: (from, to) => `generate_series(${from}::bigint, ${to}) as numbers(i)`,
}

const PGOPTIONS = '-c session_replication_role=replica'

export const addressOf = (mailbox: number): string => `box${mailbox}@example.test`
export const mailboxesOf = (devices: number): number => Math.ceil(devices / DEVICES_EACH)

/** Mailboxes and devices from behind those of `before` on, so that there are those of `devices`. */
function insertRows({ scatter, bytes, bucket, numbers }: Dialect, before: number, devices: number): string[] {
  const [firstMailbox, lastMailbox] = [mailboxesOf(before) + 1, mailboxesOf(devices)]
  return [
    `insert into mailboxes (id, address, domain, upstream, login, sealed_secret, state, created_at)
     select 'm' || ${scatter('i')}, 'box' || i || '@example.test', 'example.test', 'main', null, ${bytes}, 'active', 0
     from ${numbers(firstMailbox, lastMailbox)}`,
    `insert into devices (id, mailbox_id, name, name_key, state, kind, phc, tag, bucket, scopes, expires_at, allow_from, password_version,
       kicked_at, created_at, password_changed_at, revoked_at)
     select 'd' || ${scatter('i')}, 'm' || ${scatter(`(i - 1) / ${DEVICES_EACH} + 1`)}, 'device ' || i, 'device ' || i, 'active', 'generated', '${PHC}', ${bytes},
       ${bucket}, 'imap,smtp', null, '', 1, null, 0, 0, null
     from ${numbers((firstMailbox - 1) * DEVICES_EACH + 1, lastMailbox * DEVICES_EACH)}`,
  ]
}

export function growSqlite(path: string, before: number, devices: number): void {
  const database = new DatabaseSync(path)
  database.exec(['begin immediate', ...insertRows(SQLITE, before, devices), 'commit', 'pragma wal_checkpoint(truncate)'].join(';\n'))
  database.close()
}

/** `url`: of libpq. Foreign keys are not looked at row by row: they are right. */
export function growPostgres(url: string, before: number, devices: number): void {
  for (const statement of [...insertRows(POSTGRES, before, devices), 'vacuum analyze'])
    execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', statement], { stdio: 'pipe', env: { ...process.env, PGOPTIONS } })
}
