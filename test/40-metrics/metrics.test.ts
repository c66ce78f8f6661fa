/**
 * What an operator's monitoring sees of a gateway that works: after known logins, refusals and messages the counters say exactly that.
 * One gateway for the whole file, and nobody else talks to it.
 */
import { appendFileSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { type Labels, PrometheusText } from '../../gateway/monitoring/prometheus-text-fixture.ts'
import { logIn, openImaps, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp } from '../fixtures/clients/raw-smtp.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { expectNoSecretIn, registerOutput, registerSecret } from '../fixtures/marker-secrets.ts'
import { ScriptedSmtp } from '../fixtures/misbehaving/scripted-smtp.ts'
import { type SubmissionDevice, SubmissionGateway } from '../fixtures/program/submission-stage.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

const user = 'marker.reader@example.com'
const stale = 'marker.stale@example.com'
const stranded = 'marker.stranded@dead.example'
let dovecot: Dovecot
let scripted: ScriptedSmtp
let gateway: SubmissionGateway
let phone: SubmissionDevice
let scanner: SubmissionDevice
/** Everything that the endpoint ever said. */
let said = ''

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [user]: 'upstream/marker+reader', [stale]: 'upstream/marker+stale' } })
  scripted = await ScriptedSmtp.open()
  const [dead] = await pickPorts(1)
  gateway = await SubmissionGateway.open(
    [
      scripted.asUpstream({ imap: { address: `localhost:${dovecot.ports.plain}`, tls: 'none' } }),
      {
        name: 'dead',
        domains: ['dead.example'],
        imap: { address: `127.0.0.1:${dead}`, tls: 'none' },
        submission: { address: `127.0.0.1:${dead}`, tls: 'none' },
      },
    ],
    'drain_seconds = 20',
  )
  appendFileSync(gateway.mailwicket.configPath, '\n[admin]\naddress = "127.0.0.1:0"\n')
  await gateway.mailwicket.addMailboxOf(dovecot, user)
  await gateway.mailwicket.addMailbox(stale, 'upstream/marker+old-one', ['--no-verify'])
  await gateway.mailwicket.addMailbox(stranded, 'upstream/marker+dead', ['--no-verify'])
  registerOutput('the monitoring endpoint', () => said)
  await gateway.serve()
  phone = await gateway.addDevice(user, 'marker-phone')
  scanner = await gateway.addDevice(user, 'marker-scanner', ['--scope', 'smtp'])
})

afterAll(async () => {
  await gateway?.mailwicket.close()
  await scripted?.close()
  await dovecot?.stop()
})

const adminUrl = () => `http://${gateway.logOf('ready')[0]?.admin}`

async function ask(path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`${adminUrl()}${path}`)
  const body = await response.text()
  said += body
  return { status: response.status, body }
}

const scrape = async () => new PrometheusText((await ask('/metrics')).body)

/** Waits until a scrape shows `wanted`: the text is made anew four times a second only. */
async function scrapeUntil(what: string, isThere: (text: PrometheusText) => boolean): Promise<PrometheusText> {
  return await waitFor(what, 10_000, async () => {
    const text = await scrape()
    return isThere(text) && text
  })
}

/** The series of a name that are not 0, as `imap ok` → value. */
function counted(text: PrometheusText, name: string): Record<string, number> {
  const series = text.samples(name).filter(({ value }) => value !== 0)
  return Object.fromEntries(series.map(({ labels, value }) => [Object.values(labels).join(' '), value]))
}

async function refused(account: SubmissionDevice['imap'], user = account.user, password = account.password): Promise<void> {
  registerSecret(password)
  const imap = await openImaps(account)
  expect(await imap.command(`LOGIN ${user} ${password}`)).toMatch(/^t1 NO /m)
  imap.destroy()
}

const logins = (text: PrometheusText, labels: Labels = {}) => text.value('mailwicket_logins_total', labels) ?? 0

test('the ready line tells the address; a loopback needs no warning', async () => {
  expect(gateway.logOf('ready')[0]?.admin).toMatch(/^127\.0\.0\.1:[1-9]\d*$/)
  expect(gateway.logOf('admin.exposed')).toEqual([])
  expect(await ask('/healthz')).toEqual({ status: 200, body: 'ok\n' })
  expect(await ask('/readyz')).toEqual({ status: 200, body: '{"ready":true}\n' })
  expect((await ask('/')).status).toBe(404)
})

test('at first nothing has happened', async () => {
  const text = await scrape()
  for (const name of ['mailwicket_logins_total', 'mailwicket_sessions', 'mailwicket_connections_total', 'mailwicket_not_ready', 'mailwicket_limited_total'])
    expect(counted(text, name), name).toEqual({})
  expect(text.value('mailwicket_generation_age_seconds')).toBeLessThan(3)
  expect(text.value('mailwicket_certificate_days_left')).toBeGreaterThan(0)
  expect(text.value('process_open_fds')).toBeGreaterThan(10)
})

test('after logins and refusals the counters say which, and how many', async () => {
  for (let index = 0; index < 3; index++) (await logIn(phone.imap)).destroy()
  ;(await logInSmtp(phone.smtp)).destroy()
  ;(await logInSmtp(scanner.smtp)).destroy()
  await refused(phone.imap, user, 'marker-wrong-secret-1')
  await refused(phone.imap, user, 'marker-wrong-secret-2')
  await refused(phone.imap, 'marker.nobody@example.com', 'marker-wrong-secret-3')
  await refused(scanner.imap)
  await refused((await gateway.addDevice(stale, 'marker-stale')).imap)
  await refused((await gateway.addDevice(stranded, 'marker-stranded')).imap)
  const text = await scrapeUntil('eleven logins', text => logins(text) === 11 && counted(text, 'mailwicket_sessions').imap === undefined)
  expect(counted(text, 'mailwicket_logins_total')).toEqual({
    'imap ok': 3,
    'submission ok': 2,
    'imap wrong-secret': 2,
    'imap unknown-address': 1,
    'imap scope': 1,
    'imap upstream-refused-us': 1,
    'imap upstream-unreachable': 1,
  })
  expect(counted(text, 'mailwicket_login_duration_seconds_count')).toEqual({
    'imap ok': 3,
    'submission ok': 2,
    'imap refused': 4,
    'imap failed': 2,
  })
  expect(counted(text, 'mailwicket_upstream_failures_total')).toEqual({ 'main imap refused-us': 1, 'dead imap unreachable': 1 })
  expect(counted(text, 'mailwicket_upstream_login_duration_seconds_count')).toEqual({ 'main imap': 3, 'main submission': 2 })
  // One argon2 for each of the four devices; the phone came four times, the scanner twice.
  expect(text.value('mailwicket_hash_duration_seconds_count')).toBe(4)
  expect(text.value('mailwicket_hash_memo_hits_total')).toBe(4)
  expect(text.value('mailwicket_store_read_duration_seconds_count', { query: 'login' })).toBe(11)
  expect(text.value('mailwicket_store_write_duration_seconds_count')).toBeGreaterThan(0)
  expect(counted(text, 'mailwicket_store_failures_total')).toEqual({})
  expect(text.value('mailwicket_connections_total', { protocol: 'imap' })).toBe(9)
  expect(text.value('mailwicket_connections_total', { protocol: 'submission' })).toBe(2)
  expect(counted(text, 'mailwicket_sessions_ended_total')).toEqual({ 'imap client-closed': 3, 'submission client-closed': 2 })
})

test('a session that lives shows its bytes, and when it is revoked it says so', async () => {
  const { device, imap } = await gateway.addDevice(user, 'marker-lost')
  const session = await logIn(imap)
  await session.ok('SELECT INBOX')
  const before = await scrapeUntil('a live session', text => text.value('mailwicket_sessions', { protocol: 'imap' }) === 1)
  const received = session.received.length
  const command = 'NOOP'
  for (let index = 0; index < 20; index++) await session.ok(command)
  const sent = Array.from({ length: 20 }, (_, index) => `t${index + 3} ${command}\r\n`).join('').length
  const bytes = (text: PrometheusText, direction: string) => text.value('mailwicket_session_bytes_total', { protocol: 'imap', direction }) ?? 0
  const text = await scrapeUntil('the bytes', text => bytes(text, 'in') - bytes(before, 'in') === sent)
  expect(bytes(text, 'out') - bytes(before, 'out')).toBe(session.received.length - received)
  await gateway.mailwicket.json(['device', 'revoke', device.id])
  await session.readToEnd()
  const after = await scrapeUntil('no live session', text => text.value('mailwicket_sessions', { protocol: 'imap' }) === 0)
  expect(after.value('mailwicket_sessions_ended_total', { protocol: 'imap', why: 'revoked' })).toBe(1)
  expect(bytes(after, 'in')).toBe(bytes(text, 'in'))
})

test('connections that are not logged in, and such as never speak TLS', async () => {
  const waiting: RawImap[] = []
  for (let index = 0; index < 3; index++) waiting.push(await openImaps(phone.imap))
  await scrapeUntil('three of them', text => text.value('mailwicket_unauthenticated_connections') === 3)
  for (const imap of waiting) imap.destroy()
  await scrapeUntil('none', text => text.value('mailwicket_unauthenticated_connections') === 0)
  await fetch(`http://127.0.0.1:${phone.imap.port}/`).catch(() => undefined)
  const text = await scrapeUntil('a failed one', text => text.value('mailwicket_connections_failed_total') === 1)
  expect(text.samples('mailwicket_connections_failed_total').map(({ labels }) => labels)).toEqual([
    { protocol: 'imap', listener: `127.0.0.1:${phone.imap.port}` },
  ])
})

test('messages: accepted, refused by our rules, not taken by the upstream', async () => {
  await gateway.mailwicket.json(['mailbox', 'set', user, '--senders', 'own'])
  const smtp = await logInSmtp(phone.smtp)
  await smtp.expect('550', 'MAIL FROM:<somebody@else.example>')
  expect(await smtp.send(user, ['one@there.example', 'two@there.example'], 'Subject: x\r\n\r\ntext\r\n')).toMatch(/^250/)
  scripted.script = step => (step === 'data' ? '554 5.7.1 Not this one\r\n' : undefined)
  expect(await smtp.send(user, ['one@there.example'], 'Subject: x\r\n\r\ntext\r\n')).toMatch(/^554/)
  scripted.script = undefined
  await smtp.expect('221', 'QUIT')
  const text = await scrapeUntil('the refusals', text => text.value('mailwicket_messages_refused_total') === 2)
  expect(text.value('mailwicket_messages_accepted_total')).toBe(1)
  expect(counted(text, 'mailwicket_messages_refused_total')).toEqual({ sender: 1, upstream: 1 })
})

test('an upstream that is down does not make the node unready', async () => {
  const text = await scrape()
  expect(text.value('mailwicket_upstream_failures_total', { upstream: 'dead', reason: 'unreachable' })).toBe(1)
  expect((await ask('/readyz')).status).toBe(200)
})

test('a store that was moved away does, at once; put back, the node is ready by itself', async () => {
  const here = gateway.mailwicket.dir
  const away = join(here, 'away')
  const move = (from: string, to: string) => {
    for (const name of readdirSync(from)) if (name.startsWith('mailwicket.db')) renameSync(join(from, name), join(to, name))
  }
  mkdirSync(away)
  move(here, away)
  const answer = await waitFor('503', 5_000, async () => {
    const answer = await ask('/readyz')
    return answer.status === 503 && answer
  })
  expect(JSON.parse(answer.body)).toEqual({ ready: false, notReady: ['store-unreadable'] })
  expect((await ask('/healthz')).status).toBe(200)
  // Later it is also late.
  await waitFor('it is stale', 10_000, async () => (await ask('/readyz')).body.includes('generation-stale'))
  const text = await scrapeUntil('the metric', text => text.value('mailwicket_not_ready', { reason: 'store-unreadable' }) === 1)
  expect(text.value('mailwicket_store_failures_total', { operation: 'generation' })).toBeGreaterThan(0)
  move(away, here)
  await waitFor('200', 10_000, async () => (await ask('/readyz')).status === 200)
  await scrapeUntil('the metric', text => text.value('mailwicket_not_ready') === 0)
})

test('while it goes away it says so', async () => {
  // It counts as idle after a second, and does not take its leave: time enough to ask.
  const session = await logIn(phone.imap)
  session.socket.pause()
  const stopped = gateway.mailwicket.stopServe()
  const answer = await waitFor('503', 10_000, async () => {
    const answer = await ask('/readyz')
    return answer.status === 503 && answer.body
  })
  expect(answer).toContain('draining')
  await stopped
  session.destroy()
  await expect(ask('/healthz')).rejects.toThrow()
})

test('nothing that it said was a secret, or told of whom it was', async () => {
  expect(said.length).toBeGreaterThan(10_000)
  expectNoSecretIn('what the endpoint said', said)
  for (const marker of ['marker', '@', 'reader', 'nobody', 'somebody', 'there.example', 'phone', phone.device.id, 'raw.client'])
    expect(said).not.toContain(marker)
})
