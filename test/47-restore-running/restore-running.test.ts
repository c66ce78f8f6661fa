/** A backup is restored while people read their mail: who is in it and may still get in notices nothing, everybody else is out within a second. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startChild } from '../fixtures/child-process.ts'
import { logIn, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor, within } from '../fixtures/deadline.ts'
import { launcher, type NewDevice } from '../fixtures/program/mailwicket.ts'
import { Stage } from '../fixtures/program/stage.ts'
import { StoreObserver } from '../fixtures/program/store-observer.ts'

const user = 'reader@example.com'
const removed = 'removed@example.com'
/** A second after the command ended; a quarter for a busy machine. */
const endMs = 1250

interface Restored {
  readonly keptAs: string
  readonly revived: readonly string[]
  readonly keptOut: readonly string[]
  readonly lost: readonly string[]
}

let stage: Stage
let backup: string
let good: NewDevice
let lost: NewDevice
let found: NewDevice
let steady: RawImap

beforeAll(async () => {
  stage = await Stage.open({ users: [user, removed] })
  good = await stage.gateway.addDevice(user, 'Good')
  lost = await stage.gateway.addDevice(user, 'Lost phone')
  found = await stage.gateway.addDevice(removed, 'Found again')
  await stage.gateway.serve()
  steady = await logIn(account(good))
  await steady.ok('SELECT INBOX')
  backup = join(stage.gateway.dir, 'backup.db')
  await stage.gateway.json(['backup', backup])
})

afterAll(async () => {
  steady?.destroy()
  await stage?.close()
})

const account = (device: NewDevice) => stage.gateway.account(device.mailbox, device.password)
const restore = (...args: string[]) => stage.gateway.json<Restored>(['restore', backup, '--yes', ...args])

test('sessions of devices in the backup go on; those made since end; those revoked since stay out', async () => {
  await stage.gateway.json(['device', 'revoke', lost.id])
  const later = await stage.gateway.addDevice(user, 'Later')
  const doomed = await logIn(account(later))
  // A download under way, byte for byte the same with a restore in between.
  const body = `Subject: big\r\n\r\n${'0123456789abcdef'.repeat(200_000)}\r\n`
  await steady.ok(`APPEND INBOX {${body.length}+}\r\n${body}`, 60_000)
  steady.write('f FETCH * BODY[]\r\n')
  await steady.readUntil('BODY[]')
  steady.socket.pause()

  const restored = await restore()
  expect(restored).toMatchObject({ revived: [], keptOut: [`${user}/Lost phone (revoked)`], lost: [`${user}/Later`] })
  await within('the end of the session', endMs, doomed.readToEnd())
  steady.socket.resume()
  expect(await steady.readUntil('f OK')).toContain(body.slice(0, 100_000))
  await steady.ok('NOOP')
  ;(await logIn(account(good))).destroy()
  for (const device of [lost, later]) await expect(logIn(account(device)), device.name).rejects.toThrow('NO [AUTHENTICATIONFAILED]')
})

test('the gateway goes on writing into the same store', async () => {
  const since = Date.now()
  ;(await logIn(account(found))).destroy()
  await waitFor('the connection to be recorded', 5000, async () => {
    const rows = await stage.gateway.listDevices()
    return rows.some(({ id, lastConnection }) => id === found.id && lastConnection !== null && Date.parse(lastConnection.at) >= since - 1000) || undefined
  })
  expect((await stage.gateway.listSessions()).some(({ device }) => device === good.id)).toBe(true)
  const observer = new StoreObserver(stage.gateway.dir)
  expect(observer.integrity()).toBe('ok')
  observer.close()
})

test('a mailbox that was removed comes back with its devices, and only after a yes', async () => {
  await stage.gateway.json(['mailbox', 'remove', removed, '--yes'])
  await expect(logIn(account(found))).rejects.toThrow('NO [AUTHENTICATIONFAILED]')
  const asked = await stage.gateway.run(['restore', backup, '--json'])
  expect([asked.code, JSON.parse(asked.stderr)]).toMatchObject([
    2,
    { error: { code: 'BAD_INPUT', message: expect.stringContaining(`${removed}/Found again (removed)`) } },
  ])
  await expect(logIn(account(found))).rejects.toThrow('NO [AUTHENTICATIONFAILED]')
  expect(await restore()).toMatchObject({ revived: [`${removed}/Found again (removed)`] })
  ;(await logIn(account(found))).destroy()
  await steady.ok('NOOP')
})

test('a restore that is killed leaves the store as it was, and the next one works', async () => {
  const later = await stage.gateway.addDevice(user, 'Made before the kill')
  const child = startChild(launcher, ['--config', stage.gateway.configPath, 'restore', backup, '--yes'])
  await waitFor('the restore to begin', 10_000, async () => readdirSync(stage.gateway.dir).some(name => name.includes('.restoring')) || undefined)
  await child.stop('SIGKILL')
  const observer = new StoreObserver(stage.gateway.dir)
  expect(observer.integrity()).toBe('ok')
  observer.close()
  // Either it came to its end or nothing happened.
  const names = (await stage.gateway.listDevices()).map(({ name }) => name)
  expect(names).toContain('Good')
  if (names.includes('Made before the kill')) (await logIn(account(later))).destroy()
  await restore()
  expect((await stage.gateway.listDevices()).map(({ name }) => name)).not.toContain('Made before the kill')
  expect(readdirSync(stage.gateway.dir).filter(name => name.includes('.restoring'))).toEqual([])
  await steady.ok('NOOP')
})

test('--as-backed-up gives back what was revoked', async () => {
  expect(await restore('--as-backed-up')).toMatchObject({ revived: [`${user}/Lost phone (revoked)`], keptOut: [] })
  ;(await logIn(account(lost))).destroy()
  const audit = await stage.gateway.json<{ action: string; after: { revived: string[] } }[]>(['audit', '--action', 'store.restored'])
  expect(audit.at(-1)?.after.revived).toEqual([`${user}/Lost phone (revoked)`])
  await steady.ok('NOOP')
})

test('a gateway that starts anew finds everything as the last restore left it', async () => {
  steady.destroy()
  await stage.gateway.stopServe()
  await stage.gateway.serve()
  for (const device of [good, lost, found]) (await logIn(account(device))).destroy()
  expect(stage.gateway.log.filter(({ event }) => event === 'store.checked')).toMatchObject([{ level: 'info' }])
})
