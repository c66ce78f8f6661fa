/** Two gateways on one PostgreSQL: set up by `init`, looked at by `check`, revocations on both, and what happens while the database is away. */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PostgresServer } from '../../store/postgres-server-fixture.ts'
import { type RunningChild, runChild, startChild } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps } from '../fixtures/clients/raw-imap.ts'
import { inTime, waitFor } from '../fixtures/deadline.ts'
import { launcher, Mailwicket, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

const user = 'anna@example.com'
let server: PostgresServer
let dovecot: Dovecot
let gateway: Mailwicket
let second: RunningChild
let secondPort: number

beforeAll(async () => {
  server = await PostgresServer.start()
  server.sql('postgres', 'create database mail')
  dovecot = await Dovecot.open({ users: { [user]: 'upstream+secret/1' } })
  gateway = await Mailwicket.open({ upstreams: [upstreamOf(dovecot)], store: server.url('mail') })
  await gateway.addMailboxOf(dovecot, user)
  await gateway.serve()
  second = startChild(launcher, ['--config', gateway.configPath, 'serve'])
  secondPort = (await readyOf(second)).port
})
afterAll(async () => {
  if (second?.process.exitCode === null) await second.stop('SIGTERM')
  await gateway?.close()
  await dovecot?.stop()
  server?.remove()
})

async function readyOf(child: RunningChild): Promise<{ port: number; node: string }> {
  const [line] = await child.waitForStdout(/^\{"event":"ready".*$/m, 60_000)
  const { listen, node } = JSON.parse(line) as { listen: { address: string; tls: string }[]; node: string }
  const implicit = listen.find(({ tls }) => tls === 'implicit')
  return { port: Number(implicit?.address.split(':').at(-1)), node }
}

const lastOf = async (device: string) => (await gateway.listDevices()).find(({ id }) => id === device)?.lastConnection
const onSecond = (account: ImapAccount): ImapAccount => ({ ...account, port: secondPort })

test('init does not touch a database that holds a store, and check says what the server is', async () => {
  const again = await runChild(launcher, ['init', '--dir', join(gateway.dir, 'again'), '--hostname', 'localhost', '--store', server.url('mail'), '--json'])
  expect(again.stderr).toContain('ALREADY_EXISTS')
  const withPassword = await runChild(launcher, ['init', '--dir', join(gateway.dir, 'again'), '--store', 'postgres://gw:hunter2@localhost/mail', '--json'])
  expect(withPassword.stderr).toContain('BAD_INPUT')
  expect(withPassword.stderr).not.toContain('hunter2')
  const check = await gateway.run(['check'])
  expect(check.stdout).toMatch(/is whole \(version \d+; 1 mailbox, 0 devices\)/)
  expect(check.stdout).toMatch(/The database is PostgreSQL \d+.*its clock agrees; no standby/)
})

test('a device logs in at both, is listed with both sessions, and is cut off at both when it is revoked', async () => {
  const { id, password } = await gateway.addDevice(user, 'Phone')
  const account = gateway.account(user, password)
  const sessions = [await logIn(account), await logIn(onSecond(account))]
  await waitFor('both sessions', 20_000, async () => (await gateway.listSessions()).length === 2)
  expect(new Set((await gateway.listSessions()).map(({ node }) => node)).size).toBe(2)
  const ends = sessions.map(session => session.readToEnd())
  await gateway.json(['device', 'revoke', id])
  const revokedAt = performance.now()
  await Promise.all(ends)
  expect(performance.now() - revokedAt).toBeLessThan(inTime(2_000))
  const refused = await openImaps(account)
  expect(await refused.command(`LOGIN ${user} ${password}`)).toContain('NO [AUTHENTICATIONFAILED]')
  refused.destroy()
})

test('who is revoked at one is cut off at the other within a second or two, also when nothing is told of it', async () => {
  server.sql('mail', 'alter table generation disable trigger generation_moved')
  const took: number[] = []
  for (let n = 0; n < 5; n++) {
    const { id, password } = await gateway.addDevice(user, `Quietly ${n}`)
    const session = await logIn(onSecond(gateway.account(user, password)))
    const end = session.readToEnd().then(() => performance.now())
    await gateway.json(['device', 'revoke', id])
    const revokedAt = performance.now()
    took.push(Math.max(0, (await end) - revokedAt))
  }
  server.sql('mail', 'alter table generation enable trigger generation_moved')
  took.sort((a, b) => a - b)
  expect(took[2]).toBeLessThan(inTime(1_000))
  expect(took[4]).toBeLessThan(inTime(2_000))
})

test('a gateway whose clock is five minutes behind is no less there: in the list, with its sessions and its last connections', async () => {
  const [library] = globSync('/usr/lib/*/faketime/libfaketime.so.1')
  if (library === undefined) throw new Error('libfaketime is missing: the packages of test/debian-packages.txt must be installed')
  const behind = startChild('env', [
    `LD_PRELOAD=${library}`,
    'FAKETIME=-5m',
    'FAKETIME_DONT_FAKE_MONOTONIC=1',
    launcher,
    '--config',
    gateway.configPath,
    'serve',
  ])
  const { port, node } = await readyOf(behind)
  const { id, password } = await gateway.addDevice(user, 'Behind')
  const account = gateway.account(user, password)
  // First where the clock is right: the one that is behind comes later and must not be taken for earlier.
  ;(await logIn(account)).destroy()
  const first = await waitFor('the first connection', 20_000, async () => (await lastOf(id))?.at)
  const session = await logIn({ ...account, port })
  await waitFor('its session', 20_000, async () => (await gateway.listSessions()).some(row => row.node === node && row.device === id))
  await waitFor('its connection', 20_000, async () => Date.parse((await lastOf(id))?.at ?? '') > Date.parse(first))
  const [row] = (await gateway.listSessions()).filter(found => found.node === node)
  expect(Math.abs(Date.parse(row?.since ?? '') - Date.now())).toBeLessThan(60_000)
  const end = session.readToEnd()
  await gateway.json(['session', 'kick', row?.id ?? ''])
  await end
  await behind.stop('SIGTERM')
})

test('a store that a newer program migrated: who runs goes on, who starts says what it needs', async () => {
  const { password } = await gateway.addDevice(user, 'Before the update')
  server.sql(
    'mail',
    `update meta set value = (value::int + 1)::text where name = 'schema_version'; update meta set value = '9.9.9' where name = 'needs_program'`,
  )
  for (const account of [gateway.account(user, password), onSecond(gateway.account(user, password))]) (await logIn(account)).destroy()
  const started = await runChild(launcher, ['--config', gateway.configPath, 'serve'])
  expect(started.code).not.toBe(0)
  expect(started.stderr).toContain('install Mailwicket 9.9.9 or newer')
  server.sql('mail', `update meta set value = (value::int - 1)::text where name = 'schema_version'`)
})

test('while the database is away sessions go on and new logins are told "later"; afterwards all is as before, and nothing that was to be noted is lost', async () => {
  const { password } = await gateway.addDevice(user, 'Tablet')
  const account = gateway.account(user, password)
  const session = await logIn(account)
  server.down('immediate')
  for (const other of [account, onSecond(account)]) {
    const imap = await openImaps(other)
    expect(await imap.command(`LOGIN ${user} ${password}`)).toContain('NO [UNAVAILABLE]')
    imap.destroy()
  }
  await session.ok('NOOP')
  const refused = await gateway.run(['device', 'list', '--json'])
  expect(`${refused.code} ${refused.stderr}`).toMatch(/^4 .*STORE_UNAVAILABLE/)
  server.up()
  await waitFor('logins again', 30_000, async () => {
    const imap = await openImaps(onSecond(account))
    const answer = await imap.command(`LOGIN ${user} ${password}`)
    imap.destroy()
    return answer.includes(' OK')
  })
  await waitFor('the last connection', 30_000, async () =>
    (await gateway.listDevices()).some(({ name, lastConnection }) => name === 'Tablet' && lastConnection !== null),
  )
  await session.ok('NOOP')
  const ended = session.readToEnd()
  await gateway.json(['device', 'revoke', `${user}/Tablet`, '--yes'])
  await ended
})

test('the store moves into a file while gateways serve, and back: they let nobody in from then on, and with the new url passwords go on; never over a store', async () => {
  const { id, password } = await gateway.addDevice(user, 'Laptop')
  const file = join(gateway.dir, 'moved.db')
  const account = gateway.account(user, password)
  const open = await logIn(onSecond(account))
  const there = await gateway.json<{ rows: number }>(['migrate', '--to', `sqlite:${file}`])
  await open.ok('NOOP')
  for (const address of [user, 'nobody@example.com']) {
    const imap = await openImaps(account)
    expect(await imap.command(`LOGIN ${address} ${password}`)).toContain('NO [UNAVAILABLE]')
    imap.destroy()
  }
  const moved = await gateway.run(['device', 'revoke', id, '--json'])
  expect(`${moved.code} ${moved.stderr}`).toMatch(/^4 .*STORE_MOVED/)
  expect(moved.stderr).toContain(`sqlite:${file}`)
  await second.stop('SIGTERM')
  await gateway.stopServe()
  server.sql('postgres', 'create database back')
  const back = await gateway.json<{ rows: number }>(['migrate', '--from', `sqlite:${file}`, '--to', server.url('back')])
  // The move itself stands in the audit.
  expect(back.rows).toBe(there.rows + 1)
  const other = await gateway.run(['migrate', '--from', `sqlite:${file}`, '--to', server.url('mail'), '--json'])
  expect(other.stderr).toContain('STORE_MOVED')
  const config = readFileSync(gateway.configPath, 'utf8')
  writeFileSync(gateway.configPath, config.replace(server.url('mail'), server.url('back')))
  await gateway.serve()
  const session = await logIn(gateway.account(user, password))
  await gateway.json(['device', 'revoke', id])
  await session.readToEnd()
  expect((await gateway.json<{ action: string }[]>(['audit'])).filter(({ action }) => action === 'store.moved')).toHaveLength(2)
})
