/**
 * A store as a provider has it, filled past the command line: 24 domains, 100,000 mailboxes, 300,000 devices, people with rights, live sessions,
 * thirty days of activity, and the audit of all that. One transaction of SQL; what a random number decides is the same in every run.
 */
import type { DatabaseSync } from 'node:sqlite'

export interface PortalStoreSize {
  readonly domains: number
  readonly mailboxes: number
  /** On an average mailbox. */
  readonly devicesEach: number
  readonly people: number
  /** Attempts of known devices, repeats counted as one. */
  readonly activity: number
  readonly sessions: number
  readonly invitations: number
}

export const PORTAL_STORE: PortalStoreSize = {
  domains: 24,
  mailboxes: 100_000,
  devicesEach: 3,
  people: 5_000,
  activity: 600_000,
  sessions: 5_000,
  invitations: 5_000,
}

/** Of one mailbox, which somebody opens to look at all of them. */
const MANY_DEVICES = 200
/** The first domain has so many of the mailboxes, the others share the rest. */
const LARGEST_SHARE = 0.2
const DAY_MS = 86_400_000
const PERSON = 'person1@people.example'

/** `service-01.example` is the largest. */
export const domainName = (number: number): string => `service-${String(number).padStart(2, '0')}.example`

/** Number 1 has the many devices. */
export const mailboxAddress = (number: number, { mailboxes, domains }: PortalStoreSize): string =>
  `box${number}@${domainName(number <= Math.round(mailboxes * LARGEST_SHARE) ? 1 : 2 + (number % (domains - 1)))}`

/** Of a mailbox that has devices; not revoked. */
export function deviceOf(mailbox: number, { devicesEach }: PortalStoreSize): string {
  const first = (mailbox - 1) * devicesEach + 1
  return `d${String(first % 20 === 0 ? first + 1 : first).padStart(15, '0')}`
}

/** Somebody who looks at pages. */
export interface Reader {
  readonly login: string
  readonly kind: 'administrator' | 'manager' | 'owner'
  /** Numbers of mailboxes with devices that they may see all of. */
  readonly mailboxes: readonly number[]
}

/** People of the store who can sign in with the password that `phc` is of: administrators, managers of one to three domains, owners of three mailboxes. */
export function addReaders(
  database: DatabaseSync,
  size: PortalStoreSize,
  phc: string,
  counts: Readonly<Record<Reader['kind'], number>>,
  now: number,
): Reader[] {
  const readers: Reader[] = []
  const kinds = (Object.keys(counts) as Reader['kind'][]).flatMap(kind => Array.from({ length: counts[kind] }, () => kind))
  for (const [at, kind] of kinds.entries()) {
    const id = `u${String(at + 2).padStart(15, '0')}`
    database.prepare(`insert into credentials (user_id, phc, password_changed_at) values (?, ?, ?)`).run(id, phc, now)
    database.prepare(`update users set state = 'active' where id = ?`).run(id)
    const domains = kind === 'manager' ? Array.from({ length: 1 + (at % 3) }, (_, more) => 1 + ((at + more * 7) % size.domains)) : []
    if (kind === 'administrator') database.prepare(`insert into roles values (?, 'admin', '')`).run(id)
    for (const domain of domains) database.prepare(`insert into roles values (?, 'manager', ?)`).run(id, domainName(domain))
    const mailboxes = findMailboxes(size, kind === 'owner' ? at : undefined, domains)
    if (kind === 'owner')
      for (const mailbox of mailboxes)
        database.prepare(`insert or replace into rights values (?, ?, 1, 1, 1, 1, 1)`).run(id, `m${String(mailbox).padStart(15, '0')}`)
    readers.push({ login: `person${at + 2}@people.example`, kind, mailboxes })
  }
  return readers
}

function findMailboxes(size: PortalStoreSize, owner: number | undefined, domains: readonly number[]): number[] {
  if (owner !== undefined) return [100 + owner * 50, 101 + owner * 50, 102 + owner * 50]
  const found: number[] = []
  for (let number = 101; found.length < 500 && number < size.mailboxes; number += 7) {
    const isInside = domains.length === 0 || domains.some(domain => mailboxAddress(number, size).endsWith(`@${domainName(domain)}`))
    if (isInside && (number - 1) % 50 !== 49) found.push(number)
  }
  return domains.length === 0 ? [1, ...found] : found
}

export function fillPortalStore(database: DatabaseSync, size: PortalStoreSize, now: number): void {
  const run = (sql: string, values: Readonly<Record<string, number | string>> = {}) => void database.prepare(sql).run(values)
  // What varies: a number that looks like chance and is the same every time.
  const chance = (of: string, below: number, salt: number): string => `((${of} * 2654435761 + ${salt} * 40503) % 4294967296 / 64 % ${below})`
  const large = Math.round(size.mailboxes * LARGEST_SHARE)
  const domain = `'service-' || substr('0' || (case when i <= ${large} then 1 else 2 + i % ${size.domains - 1} end), -2) || '.example'`

  database.exec(`create temp table numbers (i integer primary key)`)
  run(`with recursive n(i) as (select 1 union all select i + 1 from n where i < :most) insert into numbers select i from n`, {
    most: Math.max(size.mailboxes * size.devicesEach, size.activity, size.people),
  })

  run(
    `insert into users (id, login, name, created_at, state)
     select printf('u%015d', i), 'person' || i || '@people.example', 'Person Number ' || i, :now - ${400 * DAY_MS} + i, iif(i % 97 = 0, 'blocked', 'active')
     from numbers where i <= :people`,
    { now, people: size.people },
  )
  run(
    `insert into mailboxes (id, address, domain, note, upstream, login, sealed_secret, state, created_at)
     select printf('m%015d', i), 'box' || i || '@' || ${domain}, ${domain}, iif(i % 5 = 0, 'Room ' || (i % 400) || ', desk ' || i, null), 'main', null,
       zeroblob(64), iif(i % 61 = 0, 'disabled', 'active'), :now - ${800 * DAY_MS} + i * 60000
     from numbers where i <= :mailboxes`,
    { now, mailboxes: size.mailboxes },
  )
  run(
    `insert into aliases (address, mailbox_id, created_at)
     select 'alias' || i || '@' || ${domain}, printf('m%015d', i), :now from numbers where i <= :mailboxes and i % 10 = 0`,
    { now, mailboxes: size.mailboxes },
  )

  // Three on most, none on every fiftieth, two hundred on one; one in twenty was revoked.
  const phc = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
  const insertDevices = (mailbox: string, where: string) =>
    run(
      `insert into devices (id, mailbox_id, name, name_key, state, kind, phc, tag, bucket, scopes, expires_at, allow_from, password_version, kicked_at,
         created_at, password_changed_at, revoked_at, user_id)
       select printf('d%015d', i), ${mailbox}, 'Device of ' || i, 'device of ' || i,
         case when i % 20 = 0 then 'revoked' when i % 83 = 0 then 'disabled' else 'active' end, 'generated', '${phc}', randomblob(8), 1 + abs(random() % 65535),
         iif(i % 4 = 0, 'imap', 'imap,smtp'), case when i % 20 = 0 then null when i % 53 = 0 then :now + ${chance('i', 60, 1)} * ${DAY_MS} else null end,
         iif(i % 71 = 0, '192.0.2.0/24', ''), 1, null, :now - (1 + ${chance('i', 700, 2)}) * ${DAY_MS}, :now - ${DAY_MS},
         iif(i % 20 = 0, :now - ${chance('i', 40, 3)} * ${DAY_MS}, null),
         iif(i % 3 = 0, printf('u%015d', 1 + ${chance('i', size.people, 4)}), null)
       from numbers where ${where}`,
      { now },
    )
  const devices = size.mailboxes * size.devicesEach
  insertDevices(`printf('m%015d', 1 + (i - 1) / ${size.devicesEach})`, `i > ${MANY_DEVICES} and i <= ${devices} and ((i - 1) / ${size.devicesEach}) % 50 <> 49`)
  insertDevices(`printf('m%015d', 1)`, `i <= ${MANY_DEVICES}`)

  // One in ten never connected, two in ten not for three months.
  run(
    `insert into last_connections (device_id, at, ip, protocol, app, tls, node_id)
     select id, max(created_at, :now - iif(${chance('n', 9, 5)} < 2, ${100 * DAY_MS} + n * 7000, ${chance('n', 30 * 86_400, 6)} * 1000)),
       '10.' || (n % 200) || '.' || (n % 251) || '.' || (n % 249), 'imap', 'Thunderbird/140.0', 'TLSv1.3', 'bench'
     from (select id, created_at, cast(substr(id, 2) as integer) as n from devices) where n % 10 <> 0`,
    { now },
  )
  run(`insert into nodes (id, heartbeat_at) values ('bench', :later)`, { later: now + 365 * DAY_MS })
  run(
    `insert into sessions (id, node_id, device_id, protocol, ip, app, since, bytes_in, bytes_out, kicked_at)
     select printf('s%015d', n), 'bench', id, 'imap', '10.1.2.' || (n % 250), 'Thunderbird/140.0', :now - n * 1000, n, n * 10, null
     from (select id, cast(substr(id, 2) as integer) as n from devices where state = 'active') where n % ${Math.floor(devices / size.sessions)} = 1`,
    { now },
  )
  run(
    `insert into rights (user_id, mailbox_id, may_use, may_make, may_see, may_send, may_manage)
     select printf('u%015d', 1 + i % ${size.people}), printf('m%015d', i), 1, iif(i % 2 = 0, 1, 0), 1, iif(i % 7 = 0, 0, 1), iif(i % 11 = 0, 1, 0)
     from numbers where i <= :mailboxes and i % 8 = 0`,
    { mailboxes: size.mailboxes },
  )
  run(`insert into sending_rules select 'user', id, 0, null, 0, null, null from users where cast(substr(id, 2) as integer) % 40 = 0`)

  // Attempts lie on a few of the devices more often, as those that are used do; a cursor grows with time.
  run(
    `insert into activity (cursor, address, device_id, result, protocol, ip, app, first_at, last_at, count)
     select i, m.address, iif(i % 9 = 0 and i % 2 = 0, '', d.id), case when i % 9 <> 0 then 'ok' when i % 2 = 0 then 'wrong-secret' else 'expired' end, 'imap',
       '10.' || (i % 200) || '.' || (i % 251) || '.' || (1 + i % 7), 'Thunderbird/140.0',
       :now - (:most - i) * ${(29 * DAY_MS) / 1} / :most - 1000, :now - (:most - i) * ${(29 * DAY_MS) / 1} / :most, 1 + i % 5
     from numbers join devices d on d.id = printf('d%015d', 1 + ${chance('i', devices, 7)}) join mailboxes m on m.id = d.mailbox_id
     where i <= :most`,
    { now, most: size.activity },
  )
  run(
    `insert into audit (at, actor, source, action, subject, subject_id, before, after)
     select created_at, 'root', 'cli', 'mailbox.added', address, id, null, '{"upstream":"main"}' from mailboxes
     union all select d.created_at, iif(d.user_id is null, 'root', '${PERSON}'), 'portal 192.0.2.1', 'device.added', m.address || '/' || d.name, d.id, null,
       '{"scopes":"imap,smtp"}' from devices d join mailboxes m on m.id = d.mailbox_id
     union all select d.revoked_at, '${PERSON}', 'portal 192.0.2.1', 'device.revoked', m.address || '/' || d.name, d.id, null, null
       from devices d join mailboxes m on m.id = d.mailbox_id where d.state = 'revoked'
     union all select :now - cast(substr(id, 2) as integer) * 60000, login, 'portal 192.0.2.2', 'user.signed-in', login, id, null, '{"by":"password"}' from users
     order by 1`,
    { now },
  )
  run(
    `insert into invitations (id, kind, token_hash, mailbox_id, user_id, device_id, terms, mail_to, state, created_at, ends_at, closed_at, opened_at, opened,
       made_device_id, made_by, made_by_user_id)
     select printf('i%015d', i), 'device', printf('hash%d', i), printf('m%015d', i), iif(i % 2 = 0, printf('u%015d', 1 + i % ${size.people}), null), null,
       '{"name":null,"scopes":["imap","smtp"],"expiresAt":null,"allowFrom":[],"rights":{}}', null,
       case when i % 3 = 0 then 'open' when i % 3 = 1 then 'accepted' else 'revoked' end, :now - i * 300000, :now - i * 300000 + ${30 * DAY_MS},
       iif(i % 3 = 0, null, :now - i * 200000), null, 0, iif(i % 3 = 1, printf('d%015d', 1 + ${MANY_DEVICES} + i), null), '${PERSON}',
       'u000000000000001' from numbers where i <= :invitations`,
    { now, invitations: size.invitations },
  )
  database.exec('drop table numbers')
}
