/**
 * What the portal mails, through a real Postfix by STARTTLS and a login, into a real Dovecot: the link of an invitation, and notices that neither a
 * server that is down nor a portal that is killed loses.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type ParsedMail, simpleParser } from 'mailparser'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { postfixUpstream, SubmissionGateway } from '../fixtures/program/submission-stage.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { Postfix } from '../fixtures/servers/postfix.ts'

const OFFICE = 'office@example.com'
const ANNA = 'anna@example.com'
const NEW = 'new@example.com'
const SENDER = 'devices@example.com'

let dovecot: Dovecot
let postfix: Postfix
let gateway: SubmissionGateway
let origin: string

beforeAll(async () => {
  dovecot = await Dovecot.open({
    users: { [OFFICE]: 'upstream/marker+74', [ANNA]: 'upstream/marker+75', [NEW]: 'upstream/marker+76', [SENDER]: 'upstream/marker+77' },
  })
  postfix = await Postfix.open(dovecot)
  gateway = await SubmissionGateway.open([postfixUpstream(postfix, dovecot)])
  const { mailwicket } = gateway
  writeFileSync(join(mailwicket.dir, 'portal-mail.secret'), `${dovecot.passwordOf(SENDER)}\n`, { mode: 0o600 })
  const [port] = await pickPorts(1)
  origin = `http://127.0.0.1:${port}`
  const lines = [
    '[portal]',
    `address = "127.0.0.1:${port}"`,
    `url = "${origin}"`,
    '[portal.mail]',
    `address = "localhost:${postfix.ports.submission}"`,
    'tls = "starttls"',
    `from = "${SENDER}"`,
    `user = "${SENDER}"`,
    'secret_file = "portal-mail.secret"',
    `ca = "${dovecot.authority.ca}"`,
  ]
  writeFileSync(mailwicket.configPath, `${readFileSync(mailwicket.configPath, 'utf8')}${lines.join('\n')}\n`)
  await mailwicket.addMailboxOf(dovecot, OFFICE)
  await mailwicket.json(['user', 'add', ANNA, '--name', 'Anna Keller'])
  await gateway.serve()
  // What happened before the portal looked first is no news.
  await waitFor('the first look', 30_000, () => ask('select value from meta where name = ?', 'noticed_ends').length === 1)
})

afterAll(async () => {
  await gateway?.mailwicket.close()
  await postfix?.stop()
  await dovecot?.stop()
})

function ask(sql: string, ...values: string[]): Record<string, unknown>[] {
  const database = new DatabaseSync(join(gateway.mailwicket.dir, 'mailwicket.db'))
  try {
    database.exec('pragma busy_timeout = 10000')
    return database.prepare(sql).all(...values) as Record<string, unknown>[]
  } finally {
    database.close()
  }
}

const inbox = (address: string): Promise<ParsedMail[]> => Promise.all(postfix.readMaildir(address).map(bytes => simpleParser(bytes)))
const open = (path: string, init: RequestInit = {}) =>
  fetch(`${origin}${path}`, {
    ...init,
    redirect: 'manual',
    headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
  })
const addDevices = async (names: readonly string[]) => {
  for (const name of names) await gateway.mailwicket.json(['device', 'add', OFFICE, name, '--user', ANNA])
}
const noticesOf = async (names: readonly string[]) => {
  const subjects = (await inbox(ANNA)).map(({ subject = '' }) => subject)
  return names.map(name => subjects.filter(subject => subject.includes(`“${name}”`)).length)
}
/** As if the time had passed after which another sender takes over what one has begun. */
const endLeases = () => ask('update notices set next_try_at = 0 where next_try_at is not null')

test('check tries the server', async () => {
  const findings = JSON.parse((await gateway.mailwicket.run(['check', '--json'])).stdout) as { check: string; status: string; message: string }[]
  expect(findings.find(({ check }) => check === 'portal mail')).toMatchObject({ status: 'ok', message: expect.stringContaining(`logged in as ${SENDER}`) })
})

test('an invitation arrives, opening its link uses nothing up, and it makes one device', async () => {
  await gateway.mailwicket.json(['invite', 'add', OFFICE, '--mail-to', NEW, '--name', 'Paul’s phone'])
  await waitFor('the invitation', 60_000, () => postfix.readMaildir(NEW).length === 1)
  const [mail = expect.fail('none')] = await inbox(NEW)
  const header = (name: string) => mail.headerLines.filter(({ key }) => key === name).map(({ line }) => line)
  expect(mail.from?.text).toBe(SENDER)
  expect(header('auto-submitted')).toEqual(['Auto-Submitted: auto-generated'])
  expect(header('reply-to')).toEqual([])
  expect(mail.headerLines.filter(({ key }) => key.startsWith('list-') || key === 'x-mailer')).toEqual([])
  expect(mail.messageId).toMatch(/@example\.com>$/)
  expect(mail.html).not.toMatch(/<img|src=|style=/)
  const path = /http:\/\/127\.0\.0\.1:\d+(\/i\/\S+)/.exec(mail.text ?? '')?.[1] ?? expect.fail('no link')
  expect(mail.html).toContain(path)
  for (let times = 0; times < 2; times += 1) expect((await open(path)).status).toBe(200)
  const accept = async () => {
    const page = await (await open(path)).text()
    const hidden = [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value])
    return (await open(path, { method: 'POST', body: new URLSearchParams([...hidden, ['name', 'Paul’s phone'], ['app', 'other']]).toString() })).status
  }
  expect([await accept(), await accept()]).toEqual([303, 410])
  expect((await open(path)).status).toBe(410)
})

test('a server that is down loses none', async () => {
  const names = ['down one', 'down two']
  await postfix.stop()
  await addDevices(names)
  await waitFor('a try that fails', 60_000, () => gateway.logOf('notice.failed').length > 0)
  await postfix.start()
  await waitFor('both notices', 120_000, async () => (await noticesOf(names)).every(count => count > 0))
  expect(await noticesOf(names)).toEqual([1, 1])
})

test('a portal that is killed while it sends: each arrives, and at most the one under way twice, known by its Message-ID', async () => {
  const names = Array.from({ length: 12 }, (_, at) => `killed ${String(at).padStart(2, '0')}`)
  await addDevices(names)
  const before = gateway.logOf('process.started').length
  await waitFor('the first of them', 60_000, async () => (await noticesOf(names)).some(count => count > 0))
  process.kill(Number(gateway.logOf('process.started').at(-1)?.['pid']), 'SIGKILL')
  await waitFor('another portal', 60_000, () => gateway.logOf('process.started').length > before)
  endLeases()
  await waitFor('all of them', 120_000, async () => (await noticesOf(names)).every(count => count > 0))
  await waitFor('an empty queue', 60_000, () => ask('select id from notices where next_try_at is not null').length === 0)
  const counts = await noticesOf(names)
  expect(counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(names.length + 1)
  const mails = await inbox(ANNA)
  expect(new Set(mails.map(({ messageId }) => messageId)).size).toBe(new Set(mails.map(({ subject }) => subject)).size)
})

test('no token but of the invitation is in any mail, and none is in the log', async () => {
  for (const { text, html } of await inbox(ANNA)) expect(`${text}${html}`).not.toMatch(/\/(i|welcome)\//)
  const [mail] = await inbox(NEW)
  const token = /\/i\/(\S+)/.exec(mail?.text ?? '')?.[1] ?? expect.fail('no link')
  expect(gateway.mailwicket.process.stdout).not.toContain(token)
})
