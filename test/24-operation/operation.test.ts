/** What an administrator does while people read their mail: check, backup, new master key, stop, restore. */

import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { logIn, openImaps, openRawImap } from '../fixtures/clients/raw-imap.ts'
import { inTime } from '../fixtures/deadline.ts'
import { expectNoSecretIn } from '../fixtures/marker-secrets.ts'
import type { NewDevice } from '../fixtures/program/mailwicket.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
const other = 'other@example.com'
let stage: Stage
let phone: NewDevice
let laptop: NewDevice
let backup: string

beforeAll(async () => {
  stage = await Stage.open({ users: [user, other] })
  phone = await stage.gateway.addDevice(user, 'Phone')
  laptop = await stage.gateway.addDevice(other, 'Laptop')
  backup = join(stage.gateway.dir, 'copy.db')
  await stage.gateway.serve()
})

afterAll(async () => await stage?.close())

const account = (device: NewDevice) => stage.gateway.account(device.mailbox, device.password)

test('check --live logs in through the running gateway', async () => {
  const finished = await stage.gateway.run(['check', '--live', '--json'])
  expect(`${finished.code} ${finished.stdout}`).toMatch(/^0 /)
  const audit = await stage.gateway.json<{ action: string; subject: string }[]>(['audit', '--limit', '2'])
  expect(audit.map(({ action, subject }) => `${action} ${subject.replace(/check .*/, 'check')}`)).toEqual([
    `device.added ${other}/check`,
    `device.revoked ${other}/check`,
  ])
  const rows = await stage.gateway.json<{ name: string }[]>(['device', 'list', '--revoked'])
  expect(rows.filter(({ name }) => name.startsWith('check '))).toEqual([])
})

test('a backup is made while sessions are open; it holds neither key nor password', async () => {
  const session = await logIn(account(phone))
  const finished = await stage.gateway.run(['backup', backup])
  expect(finished.code).toBe(0)
  expect(statSync(backup).mode & 0o777).toBe(0o600)
  const bytes = readFileSync(backup)
  const key = Buffer.from(readFileSync(join(stage.gateway.dir, 'keys', 'master.key'), 'utf8').trim(), 'base64url')
  expect(bytes.includes(key)).toBe(false)
  expect(bytes.includes(key.toString('base64url'))).toBe(false)
  expectNoSecretIn('the backup', bytes.toString('latin1'))
  await session.ok('NOOP')
  session.destroy()
})

test('after a new master key everybody gets in, without a restart', async () => {
  const session = await logIn(account(phone))
  const before = readFileSync(join(stage.gateway.dir, 'keys', 'master.key'), 'utf8')
  await stage.gateway.json(['key', 'rotate'])
  expect(readFileSync(join(stage.gateway.dir, 'keys', 'master.key'), 'utf8')).not.toBe(before)
  for (const device of [phone, laptop]) (await logIn(account(device))).destroy()
  const later = await stage.gateway.addDevice(user, 'After the rotation')
  ;(await logIn(account(later))).destroy()
  await session.ok('NOOP')
  session.destroy()
})

test('and after a restart', async () => {
  await stage.gateway.stopServe()
  await stage.gateway.serve()
  for (const device of [phone, laptop]) (await logIn(account(device))).destroy()
})

test('a backup from before the new key names the key it needs', async () => {
  await stage.gateway.stopServe()
  const refused = await stage.gateway.run(['restore', backup, '--yes', '--json'])
  expect(refused.code).toBe(1)
  expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'KEY_WRONG' } })
})

test('restore brings back what was, also where no gateway runs; what was revoked since stays so unless it is said otherwise', async () => {
  const copy = join(stage.gateway.dir, 'second.db')
  expect((await stage.gateway.run(['backup', copy])).code).toBe(0)
  await stage.gateway.json(['device', 'revoke', laptop.id])
  expect((await stage.gateway.run(['restore', copy, '--yes'])).code).toBe(0)
  await stage.gateway.serve()
  await expect(logIn(account(laptop))).rejects.toThrow('NO [AUTHENTICATIONFAILED]')
  ;(await logIn(account(phone))).destroy()
  await stage.gateway.stopServe()
  expect((await stage.gateway.run(['restore', copy, '--yes', '--as-backed-up'])).code).toBe(0)
  await stage.gateway.serve()
  for (const device of [phone, laptop]) (await logIn(account(device))).destroy()
})

test('SIGTERM says goodbye to everybody and ends with 0', async () => {
  const session = await logIn(account(phone))
  const waiting = await openImaps(account(phone))
  const plain = await openRawImap({ host: '127.0.0.1', port: account(phone).starttlsPort, tls: 'none' })
  await plain.readLine()
  const start = performance.now()
  const stopped = stage.gateway.stopServe()
  expect(await waiting.readToEnd()).toMatch(/^\* BYE/m)
  expect(await plain.readToEnd()).toMatch(/^\* BYE/m)
  await session.readToEnd()
  await stopped
  expect(performance.now() - start).toBeLessThan(inTime(10_000))
  expect(await stage.gateway.listSessions()).toEqual([])
  expect(existsSync(join(stage.gateway.dir, 'mailwicket.db-wal'))).toBe(false)
})

test('serve does not start when others can read the key, or the configuration is wrong', async () => {
  const { chmodSync, writeFileSync } = await import('node:fs')
  chmodSync(join(stage.gateway.dir, 'keys', 'master.key'), 0o644)
  const exposed = await stage.gateway.run(['serve', '--json'])
  expect(exposed.code).toBe(1)
  expect(exposed.stderr).toContain('KEY_EXPOSED')
  chmodSync(join(stage.gateway.dir, 'keys', 'master.key'), 0o600)
  const text = readFileSync(stage.gateway.configPath, 'utf8')
  writeFileSync(stage.gateway.configPath, text.replace('protocol = "imap"', 'protocol = "imap"\ntsl = "implicit"'))
  const wrong = await stage.gateway.run(['serve'])
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toMatch(/tsl[\s\S]*tls/)
  writeFileSync(stage.gateway.configPath, text)
})
