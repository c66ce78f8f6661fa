/**
 * The store cannot be written: its file is read-only, another process holds it for ten seconds, its disk is full. Reading goes on, so everybody gets
 * in; who changes something hears that it was not done, but on a full disk access can still be taken away; what was to be recorded meanwhile is written afterwards. Nothing needs a restart.
 */
import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { runOk, startChild } from '../fixtures/child-process.ts'
import { logIn, openImaps, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp } from '../fixtures/clients/raw-smtp.ts'
import { inTime, waitFor, within } from '../fixtures/deadline.ts'
import { SmallDisk } from '../fixtures/misbehaving/small-disk.ts'
import { launcher } from '../fixtures/program/mailwicket.ts'
import { SubmissionStage } from '../fixtures/program/submission-stage.ts'

const user = 'reader@example.com'
/** docs/monitoring.md */
const RESERVE_BYTES = 4 * 1024 * 1024
let stage: SubmissionStage
let disk: SmallDisk | undefined
let password: string
/** Has been open since before the fault. */
let bystander: RawImap

const gateway = () => stage.gateway.mailwicket
const databasePath = () => join(disk?.dir ?? gateway().dir, 'mailwicket.db')
const eventsOf = (event: string) => gateway().log.filter(line => line.event === event)

beforeAll(async () => {
  stage = await SubmissionStage.open({ users: [user] })
  password = (await gateway().addDevice(user, 'Phone')).password
  bystander = await logIn(gateway().account(user, password))
})

afterAll(async () => {
  bystander?.destroy()
  await stage?.close()
  await disk?.close()
})

async function tryLogin(secret: string): Promise<string> {
  const imap = await openImaps(gateway().account(user, password))
  const answer = await imap.command(`LOGIN ${user} ${secret}`)
  imap.destroy()
  return answer
}

/** Logs in until the gateway noticed that it cannot record it. */
async function untilNoticed(earlier: number): Promise<void> {
  await waitFor('store.failed', 30_000, async () => {
    expect(await tryLogin(password)).toContain('t1 OK')
    return eventsOf('store.failed').length > earlier
  })
}

/** Everything that only reads works, and nothing pretends: neither to the app nor to the administrator. */
async function expectServiceWithoutRecords(refusedCommand = ['device', 'revoke', `${user}/Phone`, '--yes']): Promise<string> {
  await bystander.ok('NOOP')
  expect(await tryLogin(password)).toContain('t1 OK')
  expect(await tryLogin('k7mq-x2pd-9rtf-h4wz-c8nb')).toMatch(/^t1 NO \[AUTHENTICATIONFAILED\]/)
  const smtp = await logInSmtp(stage.gateway.smtpAccount(user, password))
  expect(await smtp.send(user, [user], 'Subject: on its way\r\n\r\nhello\r\n', 30_000)).toMatch(/^250/)
  smtp.destroy()
  const refused = await gateway().run([...refusedCommand, '--json'])
  expect(`${refused.code} ${refused.stderr}`).toMatch(/^4 .*STORE_UNAVAILABLE/)
  expect(await tryLogin(password)).toContain('t1 OK')
  return refused.stderr
}

/** A session of a device of its own ends because of the command, as fast as on any other day. */
async function expectEnds(session: RawImap, command: string[]): Promise<void> {
  await gateway().json(command)
  await within(`the end by ${command.join(' ')}`, inTime(1_250), session.readToEnd())
}

async function readyz(): Promise<{ ready: boolean; warnings?: string[]; lastFailedWrite?: string }> {
  const response = await fetch(`http://${eventsOf('ready').at(-1)?.admin}/readyz`)
  expect(response.status).toBe(200)
  return (await response.json()) as Awaited<ReturnType<typeof readyz>>
}

const findingsOfCheck = async () => JSON.parse((await gateway().run(['check', '--json'])).stdout) as { check: string; status: string; message: string }[]

/** In the same process: what was to be recorded is recorded, newest first, and the log says so. */
async function expectRecovery(since: number): Promise<void> {
  const lastConnection = async () => Date.parse((await gateway().listDevices()).find(({ name }) => name === 'Phone')?.lastConnection?.at ?? '')
  await waitFor('the records', 15_000, async () => (await lastConnection()) >= since, 200)
  await waitFor('store.recovered', 5000, () => eventsOf('store.recovered').length === eventsOf('store.failed').length)
  const activity = await gateway().json<{ at: string; result: string }[]>(['activity'])
  expect(activity.map(row => row.result)).toContain('wrong-secret')
  await bystander.ok('NOOP')
}

test('the file is read-only', async () => {
  // SQLite's own files, as far as they are open already too: root may write what it likes, but not these.
  const files = [databasePath(), `${databasePath()}-wal`]
  const [earlier, since] = [eventsOf('store.failed').length, Date.now()]
  await runOk('chattr', ['+i', ...files])
  try {
    await untilNoticed(earlier)
    await expectServiceWithoutRecords()
  } finally {
    await runOk('chattr', ['-i', ...files])
  }
  expect(eventsOf('store.failed')).toHaveLength(earlier + 1)
  expect(eventsOf('store.failed').at(-1)).toMatchObject({ level: 'error', err: expect.stringMatching(/readonly|disk I\/O error/) })
  await expectRecovery(since)
})

test('another process holds it for ten seconds: no session and no login waits', async () => {
  const lock = new DatabaseSync(databasePath())
  const since = Date.now()
  lock.exec('BEGIN EXCLUSIVE')
  const until = performance.now() + 10_000
  let slowestMs = 0
  let logins = 0
  while (performance.now() < until) {
    for (let index = 0; index < 20; index++) {
      const start = performance.now()
      await bystander.ok('NOOP')
      slowestMs = Math.max(slowestMs, performance.now() - start)
    }
    expect(await tryLogin(password)).toContain('t1 OK')
    logins += 1
  }
  expect(await tryLogin('k7mq-x2pd-9rtf-h4wz-c8nb')).toMatch(/^t1 NO \[AUTHENTICATIONFAILED\]/)
  lock.exec('ROLLBACK')
  lock.close()
  console.info(`the slowest of the round trips took ${slowestMs.toFixed(1)} ms; ${logins} logins`)
  // Who waits for the lock waits for five seconds.
  expect(slowestMs).toBeLessThan(inTime(2_500))
  await expectRecovery(since)
})

test('the disk is full: nothing is recorded, and access can be taken away', async () => {
  // The store moves to a small disk of its own, with the files that belong to it.
  await gateway().stopServe()
  disk = await SmallDisk.open(join(gateway().dir, 'small'), 48 * 1024 * 1024)
  copyFileSync(join(gateway().dir, 'mailwicket.db'), databasePath())
  rmSync(join(gateway().dir, 'mailwicket.db'))
  const text = readFileSync(gateway().configPath, 'utf8')
  const [adminPort] = await pickPorts(1)
  writeFileSync(
    gateway().configPath,
    text.replace('[[certificate]]', `[store]\nurl = "sqlite:small/mailwicket.db"\n\n[admin]\naddress = "127.0.0.1:${adminPort}"\n\n[[certificate]]`),
  )
  await gateway().serve()
  bystander = await logIn(gateway().account(user, password))
  const reserve = () => statSync(`${databasePath()}-reserve`)
  await waitFor('the reserve', 15_000, () => existsSync(`${databasePath()}-reserve`) && reserve().size === RESERVE_BYTES)
  expect(reserve().mode & 0o777).toBe(0o600)
  expect(await readyz()).toEqual({ ready: true })
  await gateway().json(['user', 'add', 'anna'])
  const sessions: RawImap[] = []
  for (const [name, options] of [['Revoked'], ['Disabled'], ['Kicked'], ['Blocked', ['--user', 'anna']], ['Last']] as const)
    sessions.push(await logIn(gateway().account(user, (await gateway().addDevice(user, name, options && [...options])).password)))
  const [revoked, disabled, kicked, blocked, last] = sessions as [RawImap, RawImap, RawImap, RawImap, RawImap]

  disk.fill()
  const since = Date.now()
  await untilNoticed(0)
  expect(await expectServiceWithoutRecords(['device', 'add', user, 'Laptop'])).toMatch(/full/)
  await waitFor('the warning', 15_000, async () => (await readyz()).warnings?.includes('store-space-low'))
  expect(await readyz()).toEqual({ ready: true, warnings: ['store-unwritable', 'store-space-low'], lastFailedWrite: expect.any(String) })
  expect(eventsOf('store.space-low')).toEqual([expect.objectContaining({ level: 'warn', reserveBytes: RESERVE_BYTES })])
  expect((await findingsOfCheck()).filter(({ status }) => status === 'warn').map(({ message }) => message)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^The disk of the store has 0\.0 MiB left, and 4\.0 MiB in reserve/),
      expect.stringMatching(/^The running gateway warns of store-unwritable, store-space-low and could last not write at 2/),
    ]),
  )

  await expectEnds(revoked, ['device', 'revoke', `${user}/Revoked`, '--yes'])
  await expectEnds(disabled, ['device', 'disable', `${user}/Disabled`])
  await expectEnds(kicked, ['session', 'kick', '--device', `${user}/Kicked`])
  await expectEnds(blocked, ['user', 'block', 'anna'])
  await bystander.ok('NOOP')
  await last.ok('NOOP')
  await expectEnds(last, ['mailbox', 'set', user, '--disable'])
  await within('the end of the other session of the mailbox', inTime(1_250), bystander.readToEnd())
  // Somebody else may change something too, and the room lasts for far more.
  expect(reserve().size).toBeGreaterThan(RESERVE_BYTES / 2)
  await gateway().json(['mailbox', 'set', user, '--enable'])
  bystander = await logIn(gateway().account(user, password))
  // The cause, not what came of it.
  const failures = eventsOf('store.failed')
  // What is left of the reserve may let a record through in between: then it fails anew.
  expect(failures).toEqual(failures.map(() => expect.objectContaining({ level: 'error', err: expect.stringContaining('database or disk is full') })))
  expect(failures).not.toEqual([])
  const turns = gateway().log.flatMap(({ event }) => (event === 'store.failed' || event === 'store.recovered' ? [event] : []))
  expect(turns).toEqual(turns.map((_, index) => (index % 2 === 0 ? 'store.failed' : 'store.recovered')))
  disk.free()
  await expectRecovery(since)
  await waitFor('the whole reserve', 15_000, () => reserve().size === RESERVE_BYTES)
  await waitFor('the end of the warnings', 15_000, async () => (await readyz()).warnings === undefined)
  expect(await readyz()).toEqual({ ready: true, lastFailedWrite: expect.any(String) })
  const revocations = await gateway().json<{ action: string }[]>(['audit', '--action', 'device'])
  expect(revocations.map(({ action }) => action)).toEqual(expect.arrayContaining(['device.revoked', 'device.disabled', 'device.kicked']))
})

test('the log’s disk is full: nobody’s session ends, and the log goes on when there is room', async () => {
  await gateway().stopServe()
  if (disk === undefined) throw new Error('no disk')
  const file = join(disk.dir, 'gateway.log')
  const child = startChild('sh', ['-c', 'exec "$0" --config "$1" serve > "$2"', launcher, gateway().configPath, file])
  const lines = () => readFileSync(file, 'utf8').split('\n')
  const ready = await waitFor('the ready line', 30_000, () => existsSync(file) && lines().find(line => line.startsWith('{"event":"ready"')))
  const { listen } = JSON.parse(ready) as { listen: { protocol: string; address: string; tls: string }[] }
  const port = Number(
    listen
      .find(entry => entry.protocol === 'imap' && entry.tls === 'implicit')
      ?.address.split(':')
      .at(-1),
  )
  const account = { ...gateway().account(user, password), port }
  const session = await logIn(account)
  disk.fill()
  // Until a line does not fit into what is left of the last page.
  await waitFor('the complaint', 15_000, async () => {
    ;(await logIn(account)).destroy()
    return child.stderr.includes('The log cannot be written')
  })
  await session.ok('NOOP')
  ;(await logIn(account)).destroy()
  disk.free()
  const { length } = lines()
  await waitFor('a new line', 5000, async () => {
    ;(await logIn(account)).destroy()
    return lines().length > length
  })
  await session.ok('NOOP')
  session.destroy()
  expect((await child.stop('SIGTERM')).code).toBe(0)
  expect(child.stderr.match(/cannot be written/g)).toHaveLength(1)
})
