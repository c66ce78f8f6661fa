/** Under systemd: what it is told, the ports that it holds for us, and its own opinion of our unit files. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { type RunningChild, runChild, startChild } from '../fixtures/child-process.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { launcher, Mailwicket, type NewDevice, type SessionRow, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'

const user = 'reader@example.com'
const manager = fileURLToPath(new URL('manager.py', import.meta.url))
const units = fileURLToPath(new URL('../../packaging/systemd/', import.meta.url))
let dovecot: Dovecot
let gateway: Mailwicket
let device: NewDevice
let port: number
let running: RunningChild | undefined

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [user]: 'upstream+secret/44' } })
  gateway = await Mailwicket.open({ upstreams: [upstreamOf(dovecot)] })
  port = (await pickPorts(1))[0] ?? 0
  const config = readFileSync(gateway.configPath, 'utf8')
  writeFileSync(gateway.configPath, config.replace('"127.0.0.1:0"', `"127.0.0.1:${port}"`))
  await gateway.addMailboxOf(dovecot, user)
  device = await gateway.addDevice(user, 'Phone')
})

afterAll(async () => {
  running?.process.kill('SIGTERM')
  await gateway?.close()
  await dovecot?.stop()
})

const underManager = (names: string, addresses: string) => startChild('python3', [manager, names, addresses, launcher, '--config', gateway.configPath, 'serve'])

test.each([1, 2])('ready, watched, reloading, stopping; and it takes the port that is held for it, with workers = %i', async workers => {
  writeFileSync(gateway.configPath, readFileSync(gateway.configPath, 'utf8').replace(/^workers = .*/m, `workers = ${workers}`))
  const serve = underManager('mailwicket.socket', `127.0.0.1:${port}`)
  running = serve
  // The ready word comes when apps can log in, not before.
  await serve.waitForStdout(/^told READY=1/m, 30_000)
  expect(serve.stdout).toMatch(/^\{"event":"ready"/m)
  const ready = JSON.parse(serve.stdout.match(/^\{"event":"ready".*$/m)?.[0] ?? '') as { listen: { address: string }[] }
  expect(ready.listen[0]).toMatchObject({ address: `127.0.0.1:${port}`, tls: 'implicit' })
  // The other listener was not handed over: it is ours.
  expect(ready.listen[1]?.address).not.toMatch(/:0$/)
  const account = { host: 'localhost' as const, port, starttlsPort: 0, user, password: device.password, ca: gateway.authority.ca }
  const session = await logIn(account)
  await session.ok('SELECT INBOX')
  const other = await logIn(account)
  expect(new Set((await waitFor('both sessions', 20_000, async () => sessionsWhen(2))).map(({ node }) => node)).size).toBe(workers)
  other.destroy()
  await waitFor('one session', 20_000, async () => sessionsWhen(1))

  const heartbeats = () => serve.stdout.split('told WATCHDOG=1\n').length - 1
  await waitFor('heartbeats', 30_000, () => heartbeats() >= 3)
  serve.process.kill('SIGHUP')
  await serve.waitForStdout(/^told RELOADING=1\|MONOTONIC_USEC=\d+\|[\s\S]*^told READY=1/m, 30_000)
  expect(serve.stdout).toContain('"event":"config.reloaded"')
  // Heartbeats go on, and so does the session.
  const count = heartbeats()
  await waitFor('more heartbeats', 30_000, () => heartbeats() >= count + 2)
  await session.ok('NOOP')

  serve.process.kill('SIGTERM')
  await serve.waitForStdout(/^told STOPPING=1\|EXTEND_TIMEOUT_USEC=30000000\|STATUS=Stopping, 1 sessions/m, 30_000)
  await session.readToEnd()
  expect((await serve.finished).code).toBe(0)
  expect(serve.stdout).not.toContain('notify.failed')
})

async function sessionsWhen(length: number): Promise<SessionRow[] | undefined> {
  const rows = await gateway.listSessions()
  return rows.length === length ? rows : undefined
}

test('a port that is held for nobody: it says what to do, and does not start', async () => {
  const [other = 0] = await pickPorts(1)
  const serve = underManager('mailwicket.socket:left.socket', `127.0.0.1:${port},127.0.0.1:${other}`)
  running = serve
  const finished = await serve.finished
  expect(finished.code).toBe(1)
  expect(finished.stderr).toMatch(new RegExp(`no \\[\\[listen\\]\\] section is for: 127\\.0\\.0\\.1:${other} \\(left\\.socket\\)`))
  expect(finished.stderr).toContain('ListenStream=')
  expect(finished.stdout).not.toContain('READY=1')
})

test('systemd finds nothing wrong with the units, and little that the service could do', async () => {
  const folder = makeTempDir()
  // systemd-analyze wants the program to be there.
  const service = readFileSync(join(units, 'mailwicket.service'), 'utf8').replaceAll('/usr/bin/mailwicket', launcher)
  writeFileSync(join(folder, 'mailwicket.service'), service)
  writeFileSync(join(folder, 'mailwicket.socket'), readFileSync(join(units, 'mailwicket.socket')))
  const verified = await runChild('systemd-analyze', ['verify', './mailwicket.service', './mailwicket.socket'], { cwd: folder })
  expect({ code: verified.code, said: verified.stdout + verified.stderr }).toEqual({ code: 0, said: '' })
  // 1.6 of 10, of which 1.3 are the Internet, a user of the machine, code that is compiled while it runs, and being told of by a child.
  const judged = await runChild('systemd-analyze', ['security', '--offline=true', '--threshold=16', './mailwicket.service'], { cwd: folder })
  expect(judged.code, judged.stdout).toBe(0)
  const strict = await runChild('systemd-analyze', ['security', '--offline=true', '--threshold=5', './mailwicket.service'], { cwd: folder })
  expect(strict.code).toBe(1)
})
