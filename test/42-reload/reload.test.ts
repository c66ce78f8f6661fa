/** SIGHUP: a bad configuration changes nothing and says why, a good one is in force at once, and no session notices either. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openRawImap, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { upstreamOf } from '../fixtures/program/mailwicket.ts'
import { Stage } from '../fixtures/program/stage.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

const user = 'reader@example.com'
const moved = 'reader@second.example'
let stage: Stage
let second: Dovecot
let account: ImapAccount
let session: RawImap
/** The configuration that is in force. */
let good: string

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  second = await Dovecot.open({ users: { [moved]: 'upstream+second/secret' } })
  await stage.gateway.serve()
  account = await stage.addAccount(user, 'Phone')
  session = await logIn(account)
  good = readFileSync(stage.gateway.configPath, 'utf8')
})

afterAll(async () => {
  session?.destroy()
  await stage?.close()
  await second?.stop()
})

beforeEach(() => writeFileSync(stage.gateway.configPath, good))

const listener = (protocol: string, port: number, tls: string) => `\n[[listen]]\nprotocol = "${protocol}"\naddress = "127.0.0.1:${port}"\ntls = "${tls}"\n`
const linesOf = (event: string) => stage.gateway.log.filter(line => line.event === event)

/** Writes this configuration, sends SIGHUP, and gives the line that tells the outcome. */
async function reload(config: string, event: 'config.reloaded' | 'config.rejected'): Promise<Record<string, unknown>> {
  const before = linesOf('config.reloaded').length + linesOf('config.rejected').length
  writeFileSync(stage.gateway.configPath, config)
  stage.gateway.process.process.kill('SIGHUP')
  await waitFor('the outcome', 10_000, () => linesOf('config.reloaded').length + linesOf('config.rejected').length > before)
  const [line] = linesOf(event).slice(-1)
  if (line === undefined) throw new Error(`no ${event}: ${JSON.stringify(stage.gateway.log.slice(-5))}`)
  if (event === 'config.reloaded') good = config
  return line
}

async function rejected(config: string): Promise<string[]> {
  const count = linesOf('config.rejected').length
  const { problems, file } = await reload(config, 'config.rejected')
  expect(linesOf('config.rejected')).toHaveLength(count + 1)
  expect(file).toBe(stage.gateway.configPath)
  // Whoever was connected still is, whoever comes is let in.
  await session.ok('NOOP')
  ;(await logIn(account)).destroy()
  return problems as string[]
}

async function isRefused(port: number): Promise<boolean> {
  return await openRawImap({ host: '127.0.0.1', port, tls: 'none' }).then(
    imap => {
      imap.destroy()
      return false
    },
    error => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED',
  )
}

test('every problem of a bad file is named, with the nearest valid key', async () => {
  const problems = await rejected(good.replace('hostname =', 'hostnam =').replace('tls = "implicit"', 'tls = "ssl"'))
  expect(problems).toEqual([
    'hostnam is an unknown key; did you mean "hostname"?',
    'listen[0].tls (in the first [[listen]]) is "ssl", but must be "implicit" or "starttls"',
  ])
})

test('a file that is no TOML, and a file that is gone', async () => {
  expect(await rejected(`${good}\n[[listen]\n`)).toEqual([expect.stringContaining('is not TOML: line')])
  chmodSync(stage.gateway.configPath, 0o600)
  const count = linesOf('config.rejected').length
  const { rmSync } = await import('node:fs')
  rmSync(stage.gateway.configPath)
  stage.gateway.process.process.kill('SIGHUP')
  await waitFor('the refusal', 10_000, () => linesOf('config.rejected').length > count)
  expect(linesOf('config.rejected').at(-1)?.problems).toEqual([expect.stringContaining('There is no configuration file')])
  await session.ok('NOOP')
})

test('a bad certificate, a missing authority and what needs a restart come in one line, and nothing else of the file is used', async () => {
  const [port = 0] = await pickPorts(1)
  const config = good.replace('drain_seconds = 0', 'drain_seconds = 7\ndata_dir = "elsewhere"').replace(/^cert = .*/m, 'cert = "absent.pem"')
  const upstream = '\n[[upstream]]\nname = "other"\nimap = { address = "imap.invalid:993", tls = "implicit" }\nca = "absent-ca.pem"\n'
  const problems = await rejected(`${config}${listener('imap', port, 'implicit')}${upstream}`)
  expect(problems).toHaveLength(4)
  const text = problems.join('\n')
  expect(text).toMatch(/^data_dir has changed, .*restart/m)
  // The database lies in data_dir.
  expect(text).toMatch(/^store\.url has changed, .*restart/m)
  expect(text).toContain(join(stage.gateway.dir, 'absent.pem'))
  expect(text).toContain(join(stage.gateway.dir, 'absent-ca.pem'))
  expect(await isRefused(port)).toBe(true)
})

test('a port that is taken: the other new one is not opened either', async () => {
  const blocker = createServer().listen(0, '127.0.0.1')
  await waitFor('the port', 5000, () => blocker.listening)
  const taken = (blocker.address() as { port: number }).port
  const [port = 0] = await pickPorts(1)
  const problems = await rejected(`${good}${listener('imap', port, 'implicit')}${listener('imap', taken, 'implicit')}`)
  expect(problems).toEqual([expect.stringContaining(`127.0.0.1:${taken}`)])
  expect(await isRefused(port)).toBe(true)
  blocker.close()
})

test('the same port under another address is still ours: it says that this needs a restart', async () => {
  const [port = 0] = await pickPorts(1)
  await reload(`${good}${listener('imap', port, 'implicit')}`, 'config.reloaded')
  expect(await rejected(good.replace(`127.0.0.1:${port}`, `0.0.0.0:${port}`))).toEqual([
    expect.stringMatching(new RegExp(`0\\.0\\.0\\.0:${port}.*Mailwicket itself still listens.*restart`)),
  ])
  await reload(good.replace(listener('imap', port, 'implicit'), ''), 'config.reloaded')
})

test('a new upstream and a new listener: served at once, and nobody was thrown out', async () => {
  const [port = 0] = await pickPorts(1)
  const { address, tls, ca } = upstreamOf(second)
  const upstream = `\n[[upstream]]\nname = "second"\ndomains = ["second.example"]\nimap = { address = "${address}", tls = "${tls}" }\nca = "${ca}"\n`
  const line = await reload(`${good}${listener('imap', port, 'implicit')}${upstream}`, 'config.reloaded')
  expect(line).toMatchObject({ changed: ['listen', 'upstream'], certificateDaysLeft: expect.any(Number) })
  expect(line.listen).toContainEqual({ protocol: 'imap', address: `127.0.0.1:${port}`, tls: 'implicit' })
  await stage.gateway.addMailbox(moved, second.passwordOf(moved))
  const device = await stage.gateway.addDevice(moved, 'Phone')
  const imap = await logIn({ ...stage.gateway.account(moved, device.password), port })
  await imap.ok('SELECT INBOX')
  // The old listeners are the same sockets as before.
  await session.ok('NOOP')
  ;(await logIn(account)).destroy()

  // And away again: who is connected stays, who comes is not let in.
  const without = good.replace(upstream, '').replace(listener('imap', port, 'implicit'), '')
  expect(await reload(without, 'config.reloaded')).toMatchObject({ changed: ['listen', 'upstream'] })
  await imap.ok('NOOP')
  expect(await isRefused(port)).toBe(true)
  await expect(logIn(stage.gateway.account(moved, device.password))).rejects.toThrow('NO [CONTACTADMIN]')
  await session.ok('NOOP')
  imap.destroy()
})

test('a listener changes its protocol and its TLS where it stands; the greeting has the new name; the level of the log follows', async () => {
  const [port = 0] = await pickPorts(1)
  const submission = `submission = { address = "localhost:${second.ports.plain}", tls = "none" }`
  await reload(good.replace(/^imap = .*/m, line => `${line}\n${submission}`) + listener('imap', port, 'starttls'), 'config.reloaded')
  const imap = await openRawImap({ host: '127.0.0.1', port, tls: 'none' })
  expect(await imap.readLine()).toMatch(/^\* OK/)
  const changed = good
    .replace(listener('imap', port, 'starttls'), listener('submission', port, 'starttls'))
    .replace('hostname = "localhost"', 'hostname = "new.example"')
    .replace('log_level = "trace"', 'log_level = "info"')
  expect(await reload(changed, 'config.reloaded')).toMatchObject({ changed: ['hostname', 'log_level', 'listen'] })
  const smtp = await openRawImap({ host: '127.0.0.1', port, tls: 'none' })
  expect(await smtp.readLine()).toMatch(/^220 new\.example /)
  // A connection from before speaks what it was greeted with.
  expect(await imap.command('NOOP')).toMatch(/ OK /)
  imap.destroy()
  smtp.destroy()
  await session.ok('NOOP')
})

test('many SIGHUPs at once: one after another, and the last word counts', async () => {
  const [port = 0] = await pickPorts(1)
  writeFileSync(stage.gateway.configPath, `${good}${listener('imap', port, 'implicit')}`)
  for (let count = 0; count < 20; count += 1) stage.gateway.process.process.kill('SIGHUP')
  await waitFor('the listener', 10_000, async () => !(await isRefused(port)))
  expect(await reload(good, 'config.reloaded')).toMatchObject({ file: stage.gateway.configPath })
  expect(await isRefused(port)).toBe(true)
  await session.ok('NOOP')
})
