/** `kill -9`, of the gateway and of commands, at the worst moment: what was acknowledged is done, what was not is not half done, and the store is whole. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningChild, startChild } from '../fixtures/child-process.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp } from '../fixtures/clients/raw-smtp.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { launcher } from '../fixtures/program/mailwicket.ts'
import { StoreObserver } from '../fixtures/program/store-observer.ts'
import { SubmissionStage } from '../fixtures/program/submission-stage.ts'

const user = 'reader@example.com'
const refusal = 'NO [AUTHENTICATIONFAILED]'
let stage: SubmissionStage

const gateway = () => stage.gateway.mailwicket

beforeAll(async () => {
  stage = await SubmissionStage.open({ users: [user] })
})

afterAll(async () => await stage?.close())

/** As a power button, and the start after it. */
async function killAndRestart(): Promise<void> {
  await gateway().kill()
  const observer = new StoreObserver(gateway().dir)
  expect(observer.integrity()).toBe('ok')
  observer.close()
  await gateway().serve()
}

/** The Maildir is made with its first message. */
function countMessages(): number {
  const folders = ['new', 'cur'].map(sub => join(stage.dovecot.maildir(user), sub))
  return folders.reduce((sum, folder) => sum + (existsSync(folder) ? readdirSync(folder).length : 0), 0)
}

const tryLogin = (password: string) => logIn(gateway().account(user, password)).then(imap => imap.destroy())

test('what a command has acknowledged holds after it', async () => {
  const phone = await gateway().addDevice(user, 'Phone')
  const lost = await gateway().addDevice(user, 'Lost')
  const guest = await gateway().addDevice(user, 'Guest')
  await tryLogin(lost.password)
  await gateway().json(['device', 'revoke', lost.id])
  await killAndRestart()
  await expect(tryLogin(lost.password)).rejects.toThrow(refusal)
  const { password } = await gateway().json<{ password: string }>(['device', 'password', phone.id], { printsSecret: true })
  await killAndRestart()
  await tryLogin(password)
  await expect(tryLogin(phone.password)).rejects.toThrow(refusal)
  await gateway().json(['device', 'disable', guest.id])
  await killAndRestart()
  await expect(tryLogin(guest.password)).rejects.toThrow(refusal)
})

test('in the middle of several revocations: those that were acknowledged hold', async () => {
  const devices = []
  for (let index = 0; index < 5; index++) devices.push(await gateway().addDevice(user, `Number ${index}`))
  const sessions = await Promise.all(devices.map(device => logIn(gateway().account(user, device.password))))
  const revoking = Promise.all(devices.map(async device => ({ device, finished: await gateway().run(['device', 'revoke', device.id]) })))
  // The first of them is done; the others are on their way.
  await sessions[0]?.readToEnd(30_000)
  await killAndRestart()
  for (const { device, finished } of await revoking) {
    expect(finished.code).toBe(0)
    await expect(tryLogin(device.password)).rejects.toThrow(refusal)
  }
  for (const session of sessions) session.destroy()
})

test('of a command that waits for the store, and of one that has just committed: not done, done, never in between', async () => {
  const [waiting, committed] = [await gateway().addDevice(user, 'Waiting'), await gateway().addDevice(user, 'Committed')]
  const store = new DatabaseSync(join(gateway().dir, 'mailwicket.db'))
  const stateOf = (id: string) => store.prepare('select state from devices where id = ?').get(id)?.['state']
  const revoke = (id: string) => startChild(launcher, ['--config', gateway().configPath, 'device', 'revoke', id])

  store.exec('BEGIN IMMEDIATE')
  const first = revoke(waiting.id)
  await waitFor('a command at the lock', 30_000, () => hasOpen(first, 'mailwicket.db'), 5)
  await first.stop('SIGKILL')
  store.exec('ROLLBACK')
  const second = revoke(committed.id)
  await waitFor('a commit', 30_000, () => stateOf(committed.id) === 'revoked', 1)
  await second.stop('SIGKILL')

  expect(stateOf(waiting.id)).toBe('active')
  await tryLogin(waiting.password)
  await expect(tryLogin(committed.password)).rejects.toThrow(refusal)
  const audit = await gateway().json<{ action: string; subjectId: string }[]>(['audit'])
  const revoked = audit.filter(({ action }) => action === 'device.revoked').map(({ subjectId }) => subjectId)
  expect(revoked).toContain(committed.id)
  expect(revoked).not.toContain(waiting.id)
  expect(store.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
  store.close()
})

function hasOpen({ pid }: RunningChild, name: string): boolean {
  const folder = `/proc/${pid}/fd`
  // Files come and go while they are listed.
  return readdirSync(folder).some(file => {
    try {
      return readlinkSync(join(folder, file)).endsWith(name)
    } catch {
      return false
    }
  })
}

test('of the gateway, right behind a 250: the message is there and the log tells of it', async () => {
  const device = await stage.gateway.addDevice(user, 'Sender')
  for (let round = 0; round < 3; round++) {
    const before = countMessages()
    const smtp = await logInSmtp(stage.gateway.smtpAccount(user, device.device.password))
    const reply = await smtp.send(user, [user], `Subject: round ${round}\r\n\r\nhello\r\n`, 30_000)
    await gateway().kill()
    expect(reply).toMatch(/^250/)
    expect(stage.gateway.logOf('mail.accepted')).toHaveLength(1)
    await waitFor('the message', 15_000, () => countMessages() > before)
    smtp.destroy()
    await gateway().serve()
  }
})
