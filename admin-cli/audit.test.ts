/**
 * Every command of the program that changes something, run one after the other: each leaves exactly its entries in the audit, with before and after,
 * and no secret. A command that is new in the tree must be entered below, or this fails.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Secret } from '../base/secret.ts'
import { PasswordHasher } from '../store/passwords/password-hash.ts'
import { MIGRATIONS, migrate } from '../store/schema/migrations.ts'
import { openSqlite } from '../store/sqlite/sqlite-backend.ts'
import { createSqliteFile } from '../store/sqlite/sqlite-store-file.ts'
import type { Command } from './frame/command-frame.ts'
import { buildProgram } from './program.ts'
import { makeTestTerminal, runHere } from './terminal-fixture.ts'

/** Commands that change nothing in the store, and those whose changes a case with real servers looks at. */
const NO_CHANGE = [
  'activity',
  'audit',
  'completion',
  'device list',
  'device show',
  'dns',
  'help',
  'invite list',
  'key show',
  'limits list',
  'mailbox list',
  'mailbox show',
  'session list',
  'token list',
  'user list',
  'user show',
  // Its --live makes a device and revokes it: test/24-operation.
  'check',
  // A directory of its own that is gone at its end.
  'demo',
  // Records of sessions are no changes.
  'serve',
]

const ANNA = 'anna@example.com'
const PHONE = `${ANNA}/phone`
/** That of what the step before made. */
const ID = '<id>'
const SECRETS = {
  upstream: 'upstream-marker-1',
  replaced: 'upstream-marker-2',
  imported: 'upstream-marker-3',
  chosen: 'a chosen Marker, 16+',
  clear: 'another chosen Marker',
}

/** `action subject`, then what stood before and after (a part of it). */
type Entry = readonly [what: string, before: object | null, after: object | null]

interface Step {
  readonly args: readonly string[]
  readonly input?: string
  readonly entries: readonly Entry[]
  readonly prepare?: () => Promise<void>
}

let cwd: string
/** All of it, as it was before the last step. */
let audited: Awaited<ReturnType<typeof readAudit>> = []
const made = new Set<string>(Object.values(SECRETS))
const at = (name: string): string => join(cwd, name)

const steps: readonly Step[] = [
  { args: ['init', '--hostname', 'mail.example.com'], entries: [['store.created store', null, { version: expect.any(Number), key: expect.any(String) }]] },
  {
    args: ['mailbox', 'add', ANNA, '--no-verify', '--secret-stdin'],
    input: SECRETS.upstream,
    entries: [[`mailbox.added ${ANNA}`, null, { upstream: 'main', login: null, secret: 'stored' }]],
  },
  {
    args: ['mailbox', 'set', ANNA, '--no-verify', '--secret-stdin', '--login', 'anna.a', '--disable', '--recipients-per-day', '9'],
    input: SECRETS.replaced,
    entries: [
      [`mailbox.changed ${ANNA}`, { login: null, state: 'active', secret: 'stored' }, { login: 'anna.a', state: 'disabled', secret: 'replaced' }],
      [`mailbox.sending ${ANNA}`, { recipientsPerDay: null }, { recipientsPerDay: 9 }],
    ],
  },
  { args: ['mailbox', 'set', ANNA, '--enable'], entries: [[`mailbox.changed ${ANNA}`, { state: 'disabled' }, { state: 'active' }]] },
  {
    args: ['limits', 'clear', '192.0.2.7'],
    prepare: async () => {
      const backend = openSqlite(at('mailwicket.db'), 'write')
      await sql`insert into failure_counts values ('block', '192.0.2.7', 60, ${Date.now() + 3_600_000}, 1)`.execute(backend.db)
      await backend.close()
    },
    entries: [['limits.cleared 192.0.2.7', { counts: 1 }, { counts: 0 }]],
  },
  { args: ['user', 'add', 'anna', '--name', 'Anna A.'], entries: [['user.added anna', null, { name: 'Anna A.', maySend: true }]] },
  {
    args: ['user', 'set', 'anna', '--name', 'Anna B.', '--may-send', 'no'],
    entries: [
      ['user.changed anna', { name: 'Anna A.' }, { name: 'Anna B.' }],
      ['user.sending anna', { maySend: true }, { maySend: false }],
    ],
  },
  {
    args: ['device', 'add', ANNA, 'mobile', '--user', 'anna', '--allow-from', '10.0.0.0/8'],
    entries: [[`device.added ${ANNA}/mobile`, null, { scopes: ['imap', 'smtp'], expiresAt: null, allowFrom: ['10.0.0.0/8'], user: 'anna', kind: 'generated' }]],
  },
  { args: ['device', 'rename', `${ANNA}/mobile`, 'phone'], entries: [[`device.renamed ${ANNA}/mobile`, { name: 'mobile' }, { name: 'phone' }]] },
  {
    args: ['device', 'set', PHONE, '--scope', 'imap', '--allow-from-anywhere', '--senders', 'own'],
    entries: [
      [`device.changed ${PHONE}`, { scopes: ['imap', 'smtp'], allowFrom: ['10.0.0.0/8'] }, { scopes: ['imap'], allowFrom: [] }],
      [`device.sending ${PHONE}`, { senders: null }, { senders: ['own'] }],
    ],
  },
  {
    args: ['device', 'password', PHONE, '--password-stdin'],
    input: SECRETS.chosen,
    entries: [[`device.password ${PHONE}`, { kind: 'generated', version: 1 }, { kind: 'chosen', version: 2 }]],
  },
  { args: ['device', 'password', PHONE], entries: [[`device.password ${PHONE}`, { kind: 'chosen', version: 2 }, { kind: 'generated', version: 3 }]] },
  { args: ['device', 'disable', PHONE], entries: [[`device.disabled ${PHONE}`, { state: 'active' }, { state: 'disabled' }]] },
  { args: ['device', 'enable', PHONE], entries: [[`device.enabled ${PHONE}`, { state: 'disabled' }, { state: 'active' }]] },
  { args: ['user', 'block', 'anna'], entries: [['user.blocked anna', { state: 'active' }, { state: 'blocked' }]] },
  { args: ['user', 'unblock', 'anna'], entries: [['user.unblocked anna', { state: 'blocked' }, { state: 'active' }]] },
  { args: ['session', 'kick', '--device', PHONE], entries: [[`device.kicked ${PHONE}`, null, { sessions: 0 }]] },
  { args: ['session', 'kick', '--mailbox', ANNA], entries: [[`device.kicked ${PHONE}`, null, { sessions: 0 }]] },
  {
    args: ['session', 'kick', 's1'],
    prepare: async () => {
      const backend = openSqlite(at('mailwicket.db'), 'write')
      await sql`insert into nodes values ('n1', ${Date.now() + 3_600_000})`.execute(backend.db)
      await sql`insert into sessions select 's1', 'n1', id, 'imap', '192.0.2.1', 'An App', 1, 0, 0, null from devices`.execute(backend.db)
      await sql`delete from nodes where id <> 'n1'`.execute(backend.db)
      await backend.close()
    },
    entries: [[`session.kicked ${PHONE}`, null, { session: 's1', ip: '192.0.2.1', app: 'An App' }]],
  },
  {
    args: ['user', 'add', 'boss', '--admin'],
    prepare: async () => appendFileSync(at('mailwicket.toml'), '\n[portal]\naddress = "127.0.0.1:8080"\nurl = "https://devices.example.com"\n'),
    entries: [
      ['user.added boss', null, { maySend: true }],
      ['user.role-given boss', null, { role: 'admin' }],
      ['invitation.made boss', null, { kind: 'start', user: 'boss' }],
    ],
  },
  {
    args: ['user', 'rights', 'anna', '--at', ANNA, '--give', 'use,send', '--manages', 'example.com'],
    entries: [
      ['user.role-given anna', null, { role: 'manager', domain: 'example.com' }],
      [`mailbox.rights ${ANNA}/anna`, { use: false, send: false }, { use: true, send: true }],
    ],
  },
  {
    args: ['user', 'reset-sign-in', 'anna', '--yes'],
    entries: [
      ['user.sign-in-reset anna', {}, null],
      ['invitation.made anna', null, { kind: 'start', user: 'anna' }],
    ],
  },
  { args: ['invite', 'add', ANNA, '--scope', 'imap'], entries: [[`invitation.made ${ANNA}`, null, { kind: 'device', user: null }]] },
  { args: ['invite', 'revoke', ID], entries: [[`invitation.revoked ${ANNA}`, null, null]] },
  {
    args: ['token', 'add', 'anna', 'billing', '--scope', 'read'],
    entries: [['token.added anna', null, { name: 'billing', scopes: ['read'] }]],
  },
  { args: ['token', 'revoke', ID], entries: [['token.revoked anna', { name: 'billing' }, null]] },
  { args: ['backup', 'copy.db'], entries: [['store.backed-up store', null, { file: expect.stringContaining('copy.db'), key: expect.any(String) }]] },
  {
    args: ['restore', 'copy.db', '--yes'],
    entries: [
      [
        'store.restored store',
        null,
        { file: expect.stringContaining('copy.db'), keptAs: expect.stringContaining('before-restore'), kept: 0, lost: 0, revived: [] },
      ],
    ],
  },
  {
    args: ['key', 'rotate'],
    entries: [
      ['key.rotation-begun store', { key: expect.any(String) }, { key: expect.any(String) }],
      ['key.rotated store', { key: expect.any(String) }, { key: expect.any(String) }],
    ],
  },
  {
    args: ['import', 'in.csv', '--generate', 'out.csv', '--update', '--add-users'],
    prepare: async () => {
      const hash = await new PasswordHasher().hash(Secret.fromText('hashed elsewhere, Marker'))
      made.add(hash)
      const rows = [
        'mailbox,upstream,secret,device,scopes,user,password_hash,password',
        `bob@example.com,main,${SECRETS.imported},one,,bob,"${hash}",`,
        `bob@example.com,,,two,,,,"${SECRETS.clear}"`,
        'bob@example.com,,,three,,,,',
        `${ANNA},,${SECRETS.imported},phone,smtp,anna,,`,
      ]
      writeFileSync(at('in.csv'), `${rows.join('\n')}\n`, { mode: 0o600 })
    },
    entries: [
      ['mailbox.added bob@example.com', null, { upstream: 'main', secret: 'stored', import: 'in.csv:2' }],
      ['user.added bob', null, { import: 'in.csv:2' }],
      ['device.added bob@example.com/one', null, { kind: 'imported', user: 'bob', import: 'in.csv:2' }],
      ['device.added bob@example.com/two', null, { kind: 'chosen', import: 'in.csv:3' }],
      ['device.added bob@example.com/three', null, { kind: 'generated', import: 'in.csv:4' }],
      [`mailbox.changed ${ANNA}`, { secret: 'stored' }, { secret: 'replaced', import: 'in.csv:5' }],
      [`device.changed ${PHONE}`, { scopes: ['imap'] }, { scopes: ['smtp'], import: 'in.csv:5' }],
      ['store.imported store', null, { file: 'in.csv', rows: 4, bad: 0, mailboxesAdded: 1, devicesAdded: 3, generated: 1, usersAdded: 1 }],
    ],
  },
  {
    args: ['export', 'all.csv', '--with-hashes'],
    entries: [['store.exported store', null, { file: expect.stringContaining('all.csv'), hashes: true, mailboxes: 2, devices: 4 }]],
  },
  { args: ['device', 'revoke', PHONE, '--yes'], entries: [[`device.revoked ${PHONE}`, { state: 'active' }, { state: 'revoked' }]] },
  {
    args: ['device', 'revoke', '--all', 'bob@example.com', '--yes'],
    entries: ['one', 'three', 'two'].map(name => [`device.revoked bob@example.com/${name}`, { state: 'active' }, { state: 'revoked' }]),
  },
  {
    args: ['mailbox', 'set', ANNA, '--legacy-password-until', '2099-12-31'],
    entries: [[`mailbox.changed ${ANNA}`, { legacyPasswordUntil: null }, { legacyPasswordUntil: Date.UTC(2100, 0, 1) - 1 }]],
  },
  {
    args: ['mailbox', 'set', '--all-of', 'example.com', '--legacy-password-until', 'off'],
    entries: [
      [`device.revoked ${ANNA}/legacy`, { state: 'active' }, { state: 'revoked' }],
      [`mailbox.changed ${ANNA}`, {}, { legacyPasswordUntil: null }],
    ],
  },
  { args: ['user', 'remove', 'anna', '--yes'], entries: [['user.removed anna', { name: 'Anna B.', devices: [] }, null]] },
  {
    args: ['mailbox', 'remove', ANNA, '--yes'],
    entries: [[`mailbox.removed ${ANNA}`, { upstream: 'main', login: 'anna.a', secret: 'stored', devices: 0 }, null]],
  },
  {
    args: ['migrate'],
    // A store of the first release, in the place of ours; its audit begins anew.
    prepare: async () => {
      for (const suffix of ['', '-wal', '-shm']) rmSync(at(`mailwicket.db${suffix}`), { force: true })
      createSqliteFile(at('mailwicket.db'))
      const backend = openSqlite(at('mailwicket.db'), 'write')
      await migrate(backend, { migrations: MIGRATIONS.slice(0, 1) })
      await backend.close()
    },
    entries: [['store.migrated store', { version: 1 }, { version: expect.any(Number) }]],
  },
]

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

/** Read by SQL: all of it, whatever the command shows. */
async function readAudit(): Promise<{ action: string; subject: string; actor: string; source: string; before: string | null; after: string | null }[]> {
  const backend = openSqlite(at('mailwicket.db'), 'write')
  try {
    return await backend.db.selectFrom('audit').selectAll().orderBy('id').execute()
  } finally {
    await backend.close()
  }
}

/** As it is, and as base64 (wherever it begins) and hexadecimal digits would hide it. */
function shapesOf(secret: string): string[] {
  const base64 = [0, 1, 2].map(before => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)])
    return bytes.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6))
  })
  return [secret, secret.replaceAll('-', ''), JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('hex'), ...base64]
}

test('each command leaves exactly its entries, with who, from where, before and after', async () => {
  let known = 0
  let lastId = ''
  for (const { args, input = '', entries, prepare } of steps) {
    if (args[0] === 'migrate') {
      audited = await readAudit()
      known = 0
    }
    await prepare?.()
    const { code, out, err } = await runHere([...args.map(word => (word === ID ? lastId : word)), '--json'], { cwd, input })
    expect({ args, code, err }).toEqual({ args, code: 0, err: '' })
    const { id, ...shown } = JSON.parse(out) as { id?: string } & Record<'password' | 'token' | 'link' | 'startLink', string | undefined>
    lastId = id ?? lastId
    for (const secret of [shown.password, shown.token, shown.link, shown.startLink]) {
      // `set` and `show` say how a password was made.
      if (secret !== undefined && secret.length > 16) made.add(secret.slice(secret.lastIndexOf('/') + 1))
    }
    const audit = await readAudit()
    const fresh = audit.slice(known)
    known = audit.length
    expect(fresh.map(({ action, subject }) => `${action} ${subject}`)).toEqual(entries.map(([what]) => what))
    for (const [row, [what, before, after]] of fresh.map((row, index) => [row, entries[index] as Entry] as const)) {
      const parse = (json: string | null) => (json === null ? null : JSON.parse(json))
      const facts = { what, before: parse(row.before), after: parse(row.after) }
      if (before === null) expect(facts).toMatchObject({ what, before: null })
      else expect(facts.before).toMatchObject(before)
      if (after === null) expect(facts).toMatchObject({ what, after: null })
      else expect(facts.after).toMatchObject(after)
      expect([row.actor, row.source]).toEqual(['tester', 'cli'])
    }
  }
})

test('no secret, generated password, hash or key is in the audit, in whatever coding', async () => {
  const text = JSON.stringify(audited)
  expect(audited.length).toBeGreaterThan(30)
  const generated = readFileSync(at('out.csv'), 'utf8').trim().split('\n').slice(1)
  for (const line of generated) made.add(line.split(',')[2] as string)
  for (const line of readFileSync(at('keys/master.key'), 'latin1').trim().split('\n')) made.add(line)
  expect(made.size).toBeGreaterThanOrEqual(10)
  for (const secret of [...made, 'argon2', 'marker', 'Marker'])
    for (const shape of shapesOf(secret)) expect(text.includes(shape), `a shape of ${secret}`).toBe(false)
})

test('every command of the program is accounted for', async () => {
  const program = await buildProgram(['completion'], makeTestTerminal(), '0')
  const leaves = (command: Command, path: string): string[] =>
    command.commands.length === 0 ? [path] : command.commands.flatMap(child => leaves(child, path === '' ? child.name() : `${path} ${child.name()}`))
  const all = leaves(program, '').sort()
  const run = all.filter(path => steps.some(({ args }) => args.join(' ').startsWith(path)))
  expect([...new Set([...run, ...NO_CHANGE])].sort()).toEqual([...new Set([...all, 'help'])].sort())
  expect(NO_CHANGE.filter(path => run.includes(path))).toEqual([])
})
