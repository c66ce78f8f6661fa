/** Mailboxes and devices from a file while people read their mail, and from one installation to another: the passwords go on working. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { PasswordHasher } from '../../store/passwords/password-hash.ts'
import { logIn, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { expectNoSecretIn, registerSecret } from '../fixtures/marker-secrets.ts'
import { Mailwicket, type NewDevice, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { Stage } from '../fixtures/program/stage.ts'

const reader = 'reader@example.com'
const mover = 'mover@example.com'
const elsewhere = 'A-Password=hashed:elsewhere'
const inClear = 'A Password; of my own'
const head = 'mailbox;upstream;secret;device;scopes;password_hash;password'

interface Report {
  readonly mailboxes: Readonly<Record<string, number>>
  readonly devices: Readonly<Record<string, number>>
  readonly bad: number
  readonly badRows: readonly { readonly line: number; readonly reason: string }[]
}

let stage: Stage
let second: Mailwicket
let phone: NewDevice
let session: RawImap

beforeAll(async () => {
  stage = await Stage.open({ users: [reader, mover] })
  second = await Mailwicket.open({ upstreams: [upstreamOf(stage.dovecot)] })
  for (const secret of [elsewhere, inClear]) registerSecret(secret)
  await stage.gateway.json(['mailbox', 'remove', mover, '--yes'])
  phone = await stage.gateway.addDevice(reader, 'Phone')
  await stage.gateway.serve()
  session = await logIn(stage.gateway.account(reader, phone.password))
})

afterAll(async () => {
  session?.destroy()
  await second?.close()
  await stage?.close()
})

function write(name: string, lines: readonly string[]): string {
  const path = join(stage.gateway.dir, name)
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 })
  return path
}

async function readInbox(gateway: Mailwicket, user: string, password: string): Promise<void> {
  const imap = await logIn(gateway.account(user, password))
  await imap.ok('SELECT INBOX')
  imap.destroy()
}

test('a dry run changes nothing; an import lets new devices in at once, with hashes and with passwords', async () => {
  const hash = await new PasswordHasher().hash(Secret.fromText(elsewhere))
  const file = write('staff.csv', [
    head,
    `${mover};main;${stage.dovecot.passwordOf(mover)};Imported;imap;{ARGON2ID}${hash};`,
    `${mover};;;Own;;;"${inClear}"`,
    'not-an-address;;;x;;;',
    `${reader};;;Second;imap;;`,
  ])
  const dry = await stage.gateway.run(['import', file, '--dry-run', '--json'])
  expect(dry.code).toBe(1)
  await expect(readInbox(stage.gateway, mover, elsewhere)).rejects.toThrow('AUTHENTICATIONFAILED')

  const taken = await stage.gateway.run(['import', file, '--generate', join(stage.gateway.dir, 'new.csv'), '--json'])
  expect(taken.code).toBe(1)
  expect(JSON.parse(taken.stdout) as Report).toMatchObject({
    mailboxes: { added: 1, unchanged: 1 },
    devices: { added: 3 },
    bad: 1,
    badRows: [{ line: 4, reason: 'mailbox: no e-mail address such as anna@example.com' }],
  })
  // Twice: the first success gives an imported hash its tag.
  for (const password of [elsewhere, elsewhere, inClear]) await readInbox(stage.gateway, mover, password)
  await expect(readInbox(stage.gateway, mover, 'not that one either')).rejects.toThrow('AUTHENTICATIONFAILED')
  expect(statSync(join(stage.gateway.dir, 'new.csv')).mode & 0o777).toBe(0o600)
  const [, line] = readFileSync(join(stage.gateway.dir, 'new.csv'), 'utf8').split('\n')
  const generated = line?.split(',')[2] ?? ''
  registerSecret(generated)
  await readInbox(stage.gateway, reader, generated)
  await session.ok('NOOP')
})

test('a large import disturbs nobody: sessions go on, logins come in, and their connections are recorded', async () => {
  const rows = Array.from({ length: 3000 }, (_, at) => `user${at}@example.com;main;;;;;`)
  const importing = stage.gateway.json<Report>(['import', write('many.csv', [head, ...rows])])
  let isDone = false
  void importing.finally(() => {
    isDone = true
  })
  let rounds = 0
  do {
    await session.ok('NOOP')
    await readInbox(stage.gateway, reader, phone.password)
    rounds += 1
  } while (!isDone)
  expect((await importing).mailboxes).toEqual({ added: 3000, changed: 0, unchanged: 0 })
  expect(rounds).toBeGreaterThan(1)
  expect(stage.gateway.log.filter(line => line.event === 'store.failed')).toEqual([])
})

test('devices that an update narrows lose their sessions; others do not', async () => {
  const imported = await logIn(stage.gateway.account(mover, elsewhere))
  await stage.gateway.json(['import', write('narrow.csv', ['mailbox,device,scopes', `${mover},Imported,smtp`]), '--update'])
  await imported.readToEnd()
  await session.ok('NOOP')
  await stage.gateway.json(['import', write('wide.csv', ['mailbox,device,scopes', `${mover},Imported,imap smtp`]), '--update'])
  await readInbox(stage.gateway, mover, elsewhere)
})

test('an export with hashes moves the app passwords to another installation with another key', async () => {
  const file = join(stage.gateway.dir, 'move.json')
  await stage.gateway.json(['export', file, '--with-hashes'])
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expectNoSecretIn('the export', readFileSync(file, 'utf8'))
  expect(await second.json<Report>(['import', file])).toMatchObject({ bad: 0, mailboxes: { added: 3002 } })
  // Upstream passwords are in no export.
  await second.serve()
  await expect(readInbox(second, reader, phone.password)).rejects.toThrow('CONTACTADMIN')
  const secrets = [reader, mover].map(user => `${user},${stage.dovecot.passwordOf(user)}`)
  await second.json(['import', write('secrets.csv', ['mailbox,secret', ...secrets]), '--update'])
  await readInbox(second, reader, phone.password)
  for (const password of [elsewhere, inClear]) await readInbox(second, mover, password)
  await expect(readInbox(second, reader, elsewhere)).rejects.toThrow('AUTHENTICATIONFAILED')
})

test('the audit names file and line of every device, and no password', async () => {
  const entries = await stage.gateway.json<{ action: string; subject: string; after: { import?: string } }[]>(['audit', '--mailbox', mover])
  expect(entries.find(({ subject, action }) => subject === `${mover}/Imported` && action === 'device.added')?.after.import).toBe('staff.csv:2')
  expectNoSecretIn('the audit', JSON.stringify(entries))
})
