/** Users, their devices and what may be sent, worked on by the commands as a person would. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runHere } from '../../terminal-fixture.ts'

const ADDRESS = 'office@example.com'
const OPEN = { maySend: true, senders: null, checkFrom: false, recipientsPerMessage: null, recipientsPerDay: null, sentToday: 0 }
let cwd: string

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
  expect(await runHere(['init', '--hostname', 'mail.example.com'], { cwd })).toMatchObject({ code: 0, err: '' })
  expect(await runHere(['mailbox', 'add', ADDRESS, '--no-verify', '--secret-stdin'], { cwd, input: 'upstream-marker\n' })).toMatchObject({ code: 0 })
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

async function json(...args: string[]) {
  const { code, out, err } = await runHere([...args, '--json'], { cwd })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out)
}

async function failure(...args: string[]) {
  const { code, out, err } = await runHere([...args, '--json'], { cwd })
  expect(out).toBe('')
  return { exit: code, ...JSON.parse(err).error }
}

it('a user is added, listed, shown and changed', async () => {
  const row = { login: 'anna', name: 'Anna Arendt', state: 'active', maySend: true, devices: 0, createdAt: expect.stringMatching(/^\d{4}-.*Z$/), sending: OPEN }
  expect(await json('user', 'add', 'Anna', '--name', 'Anna Arendt')).toEqual(row)
  expect(await json('user', 'add', 'trainee@example.com', '--no-send')).toMatchObject({ name: null, maySend: false, sending: { maySend: false } })
  expect(await json('user', 'list')).toMatchObject([{ login: 'anna' }, { login: 'trainee@example.com' }])
  expect(await json('user', 'show', 'anna')).toEqual(row)
  expect(await json('user', 'set', 'anna', '--name', '')).toMatchObject({ name: null })
  expect(await json('user', 'set', 'trainee@example.com', '--may-send', 'yes')).toMatchObject({ maySend: true, sending: OPEN })
  expect((await runHere(['user', 'list'], { cwd })).out).toMatch(/^LOGIN +NAME +STATE +MAY SEND/)
  expect((await runHere(['user', 'show', 'anna'], { cwd })).out).toMatch(/May send +yes\n.*Senders +any/)
})

it('wrong input says what to do', async () => {
  expect(await failure('user', 'add', 'anna')).toMatchObject({ exit: 1, code: 'ALREADY_EXISTS' })
  expect(await failure('user', 'add', 'an na')).toMatchObject({ exit: 2, code: 'BAD_INPUT' })
  expect(await failure('user', 'show', 'berta')).toMatchObject({ exit: 3, code: 'NOT_FOUND', remedy: expect.stringContaining('user list') })
  expect(await failure('user', 'set', 'anna')).toMatchObject({ exit: 2, remedy: expect.stringContaining('--may-send') })
  expect(await failure('device', 'add', ADDRESS, 'phone', '--user', 'berta')).toMatchObject({ exit: 3, message: expect.stringContaining('no user berta') })
  expect(await json('device', 'list')).toEqual([])
})

it('a device is linked to a user, shows it, and is found by it', async () => {
  expect(await json('device', 'add', ADDRESS, 'phone', '--user', 'ANNA')).toMatchObject({ user: 'anna' })
  await json('device', 'add', ADDRESS, 'scanner')
  expect(await json('device', 'list', '--user', 'anna')).toMatchObject([{ name: 'phone', user: 'anna' }])
  expect(await json('device', 'list')).toMatchObject([{ user: 'anna' }, { user: null }])
  expect(await json('device', 'set', `${ADDRESS}/scanner`, '--user', 'anna')).toMatchObject({ user: 'anna', sending: OPEN })
  expect(await json('device', 'set', `${ADDRESS}/scanner`, '--user', 'none')).toMatchObject({ user: null })
  expect(await json('user', 'show', 'anna')).toMatchObject({ devices: 1 })
})

it('rules are set on mailbox, device and user, and shown there', async () => {
  const ref = `${ADDRESS}/phone`
  expect(await json('mailbox', 'set', ADDRESS, '--senders', 'own,*@example.com', '--check-from', 'yes')).toMatchObject({
    address: ADDRESS,
    sending: { ...OPEN, senders: ['own', '*@example.com'], checkFrom: true },
  })
  expect(await json('mailbox', 'set', ADDRESS, '--senders', 'any', '--check-from', 'no', '--disable')).toMatchObject({ state: 'disabled', sending: OPEN })
  expect(await json('mailbox', 'show', ADDRESS)).toMatchObject({ sending: OPEN })
  expect(await json('device', 'set', ref, '--recipients-per-message', '10', '--recipients-per-day', '50', '--scope', 'smtp')).toMatchObject({
    scopes: ['smtp'],
    sending: { ...OPEN, recipientsPerMessage: 10, recipientsPerDay: 50 },
  })
  expect(await json('device', 'show', ref)).toMatchObject({ user: 'anna', sending: { recipientsPerDay: 50 } })
  expect((await runHere(['device', 'show', ref], { cwd })).out).toContain('at most 10 a message, at most 50 a day; 0 today')
  expect(await json('user', 'set', 'anna', '--may-send', 'no')).toMatchObject({ maySend: false })
  expect((await json('audit')).map(({ action, subject }: { action: string; subject: string }) => `${action} ${subject}`)).toEqual(
    expect.arrayContaining([`mailbox.sending ${ADDRESS}`, `device.sending ${ref}`, 'user.sending anna', 'user.added anna']),
  )
})

it('a wrong rule changes nothing of what was given with it', async () => {
  expect(await failure('device', 'set', `${ADDRESS}/phone`, '--scope', 'imap', '--senders', 'nonsense')).toMatchObject({
    exit: 2,
    message: expect.stringContaining('--senders'),
  })
  expect(await json('device', 'show', `${ADDRESS}/phone`)).toMatchObject({ scopes: ['smtp'] })
})

it('a user with devices is removed only when told to unlink them', async () => {
  expect(await failure('user', 'remove', 'anna')).toMatchObject({ exit: 1, code: 'STILL_LINKED', message: expect.stringContaining(`${ADDRESS}/phone`) })
  expect(await json('user', 'remove', 'anna', '--unlink', '--yes')).toEqual({ login: 'anna', unlinked: [`${ADDRESS}/phone`] })
  expect(await json('device', 'show', `${ADDRESS}/phone`)).toMatchObject({ user: null })
  expect(await json('user', 'remove', 'trainee@example.com', '--yes')).toMatchObject({ unlinked: [] })
  expect(await json('user', 'list')).toEqual([])
})

it('a user is blocked and unblocked; list and show say so', async () => {
  await json('mailbox', 'set', ADDRESS, '--enable')
  await json('user', 'add', 'leaver')
  await json('device', 'add', ADDRESS, 'leaver’s phone', '--user', 'leaver')
  expect(await json('user', 'block', 'leaver')).toMatchObject({ login: 'leaver', state: 'blocked', devices: 1 })
  expect((await runHere(['user', 'list'], { cwd })).out).toMatch(/^leaver .* blocked /m)
  expect((await runHere(['device', 'show', `${ADDRESS}/leaver’s phone`], { cwd })).out).toMatch(/User +leaver \(blocked: this device does not get in\)/)
  expect((await runHere(['device', 'list'], { cwd })).out).toMatch(/ leaver’s phone +user blocked /)
  expect((await runHere(['user', 'block', 'leaver'], { cwd })).err).toContain('leaver was blocked already.')
  expect(await failure('user', 'remove', 'leaver', '--unlink')).toMatchObject({ exit: 1, code: 'STILL_LINKED', remedy: expect.stringContaining('unblock') })
  expect((await runHere(['user', 'unblock', 'leaver'], { cwd })).err).toContain('1 device may log in again')
  expect((await runHere(['user', 'unblock', 'leaver'], { cwd })).err).toContain('leaver was not blocked.')
  expect((await runHere(['device', 'list'], { cwd })).out).toMatch(/ leaver’s phone +active /)
  await json('mailbox', 'set', ADDRESS, '--disable')
  expect((await runHere(['device', 'list'], { cwd })).out).toMatch(/ leaver’s phone +mailbox disabled /)
  expect((await runHere(['device', 'show', `${ADDRESS}/leaver’s phone`], { cwd })).out).toContain('(disabled: this device does not get in)')
  await json('mailbox', 'set', ADDRESS, '--enable')
  expect(await failure('user', 'block', 'nobody')).toMatchObject({ exit: 3, code: 'NOT_FOUND' })
})
