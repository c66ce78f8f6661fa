/** A certificate is replaced while sessions are open: new connections get the new one, nobody is thrown out. */
import { cpSync, renameSync, writeFileSync } from 'node:fs'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, openRawImap, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
let stage: Stage
let account: ImapAccount

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  await stage.gateway.serve()
  account = await stage.addAccount(user, 'Phone')
})

afterAll(async () => await stage?.close())

async function openStartTls(): Promise<RawImap> {
  const imap = await openRawImap({ host: '127.0.0.1', port: account.starttlsPort, tls: 'none', ca: account.ca })
  await imap.readLine()
  await imap.ok('STARTTLS')
  await imap.startTls()
  return imap
}

const nameOf = (imap: RawImap) => String((imap.socket as TLSSocket).getPeerCertificate().subject.CN)

async function namesNow(): Promise<string[]> {
  const both = [await openImaps(account), await openStartTls()]
  const names = both.map(nameOf)
  for (const imap of both) imap.destroy()
  return names
}

/** Both kinds of listener offer this certificate. */
async function expectName(name: string, timeoutMs: number): Promise<void> {
  await waitFor(`certificate ${name}`, timeoutMs, async () => (await namesNow()).every(found => found === name), 100)
}

/** As certbot and its hooks do: write beside, rename over. */
async function install(name: string): Promise<void> {
  const made = await stage.gateway.authority.issue(name, name)
  cpSync(made.key, `${stage.gateway.certificate.key}.new`)
  cpSync(made.cert, `${stage.gateway.certificate.cert}.new`)
  renameSync(`${stage.gateway.certificate.key}.new`, stage.gateway.certificate.key)
  renameSync(`${stage.gateway.certificate.cert}.new`, stage.gateway.certificate.cert)
}

test('replaced files are used without being told, and sessions go on', async () => {
  expect(await namesNow()).toEqual(['localhost', 'localhost'])
  const implicit = await logIn(account)
  const starttls = await openStartTls()
  await starttls.ok(`LOGIN ${user} ${account.password}`)
  // Half-way: TLS is there, the login is not.
  const waiting = await openImaps(account)
  await install('second')
  await expectName('second', 15_000)
  for (const imap of [implicit, starttls]) expect(await imap.ok('SELECT INBOX')).toContain('UIDVALIDITY')
  await waiting.ok(`LOGIN ${user} ${account.password}`)
  for (const imap of [implicit, starttls, waiting]) imap.destroy()
})

test('SIGHUP reads them at once', async () => {
  const session = await logIn(account)
  await install('third')
  stage.gateway.process.process.kill('SIGHUP')
  await expectName('third', 2000)
  await session.ok('NOOP')
  session.destroy()
})

test('a broken file is not used: the old certificate stays, the log tells', async () => {
  const session = await logIn(account)
  writeFileSync(stage.gateway.certificate.cert, 'this is no certificate\n')
  stage.gateway.process.process.kill('SIGHUP')
  await waitFor('the complaint', 5000, () => stage.gateway.log.some(line => line.event === 'certificate.failed'))
  expect(await namesNow()).toEqual(['third', 'third'])
  await session.ok('NOOP')
  session.destroy()
  await install('fourth')
  stage.gateway.process.process.kill('SIGHUP')
  await expectName('fourth', 5000)
})

test('a key that does not fit is not used either', async () => {
  const other = await stage.gateway.authority.issue('other', 'other')
  cpSync(other.cert, stage.gateway.certificate.cert)
  stage.gateway.process.process.kill('SIGHUP')
  await waitFor('the complaint', 5000, () => stage.gateway.log.filter(line => line.event === 'certificate.failed').length >= 2)
  expect(await namesNow()).toEqual(['fourth', 'fourth'])
})

test('a TLS session from before the change is not refused', async () => {
  await install('fifth')
  stage.gateway.process.process.kill('SIGHUP')
  await expectName('fifth', 5000)
  const first = await openImaps(account)
  const session = await waitFor('a session ticket', 5000, () => first.tlsSession)
  first.destroy()
  const resumed = await openImaps(account, session)
  expect((resumed.socket as TLSSocket).isSessionReused()).toBe(true)
  resumed.destroy()
  await install('sixth')
  stage.gateway.process.process.kill('SIGHUP')
  await expectName('sixth', 5000)
  const again = await openImaps(account, session)
  await again.ok(`LOGIN ${user} ${account.password}`)
  again.destroy()
})
