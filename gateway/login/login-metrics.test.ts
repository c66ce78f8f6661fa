import { expect, it, vi } from 'vitest'
import { MailwicketError } from '../../base/errors.ts'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { type Bench, LOGIN, openSession } from '../imap/imap-session-fixture.ts'
import { PrometheusText } from '../monitoring/prometheus-text-fixture.ts'
import { Ended, failureOf } from '../sessions/login-result.ts'

async function count(bench: Bench, command: string, until: string) {
  const opened = openSession(bench)
  opened.client.write(command)
  await opened.hear(until)
  const text = new PrometheusText(await opened.metrics.text())
  const logins = text.samples('mailwicket_logins_total').filter(({ value }) => value > 0)
  return { ...opened, text, logins: logins.map(({ labels, value }) => `${labels.protocol} ${labels.result} ${value}`) }
}

const WRONG = 'a LOGIN ann@example.com a-wrong-secret-for-it\r\n'

it.each<[string, Bench, string, string, string, string]>([
  ['a login', {}, LOGIN, 'a OK', 'imap ok 1', 'ok'],
  ['a wrong secret', {}, WRONG, 'a NO', 'imap wrong-secret 1', 'refused'],
  ['an unknown address', {}, WRONG.replace('ann', 'bob'), 'a NO', 'imap unknown-address 1', 'refused'],
  ['an expired device', { device: { expiresAt: 1 } }, LOGIN, 'a NO [EXPIRED]', 'imap expired 1', 'refused'],
  [
    'a store that is down',
    { store: { readGeneration: () => Promise.reject(new MailwicketError('STORE_UNAVAILABLE')) } },
    LOGIN,
    'a NO [UNAVAILABLE]',
    'imap store-unavailable 1',
    'failed',
  ],
  [
    'an upstream that refuses us',
    { connect: () => Promise.reject(new UpstreamFailure('refused-us', 'no')) },
    LOGIN,
    'a NO [CONTACTADMIN]',
    'imap upstream-refused-us 1',
    'failed',
  ],
])('%s is counted once, under its name', async (_what, bench, command, until, counted, outcome) => {
  const { logins, text, activity } = await count(bench, command, until)
  expect(logins).toEqual([counted])
  expect(text.value('mailwicket_login_duration_seconds_count', { outcome })).toBe(1)
  expect(text.value('mailwicket_login_duration_seconds_count')).toBe(1)
  // The same word as in the activity.
  expect(activity.map(({ result }) => result)).toEqual([counted.split(' ')[1]])
})

it('a refusal is timed before it waits for its beat', async () => {
  const { client, hear, said, metrics } = openSession()
  const heardBefore: string[] = []
  vi.spyOn(metrics, 'loginEnded').mockImplementation(() => void heardBefore.push(said()))
  await hear('* OK')
  client.write(WRONG)
  await hear('a NO')
  expect(heardBefore).toHaveLength(1)
  expect(heardBefore[0]).not.toContain('a NO')
})

it('a session counts from its login to its end', async () => {
  const { client, upstream, hear, metrics, text } = await count({}, LOGIN, 'a OK')
  expect(text.value('mailwicket_sessions', { protocol: 'imap' })).toBe(1)
  upstream.write('* 1 EXISTS\r\n')
  await hear('* 1 EXISTS')
  // `* early` came with the login.
  const during = new PrometheusText(await metrics.text())
  expect(during.value('mailwicket_session_bytes_total', { protocol: 'imap', direction: 'out' })).toBe('* early\r\n* 1 EXISTS\r\n'.length)
  client.end()
  upstream.on('end', () => upstream.end()).resume()
  await vi.waitFor(async () => {
    const after = new PrometheusText(await metrics.text())
    expect(after.value('mailwicket_sessions_ended_total', { why: 'client-closed' })).toBe(1)
    expect(after.value('mailwicket_sessions', { protocol: 'imap' })).toBe(0)
    expect(after.value('mailwicket_session_bytes_total', { direction: 'out' })).toBe('* early\r\n* 1 EXISTS\r\n'.length)
  })
})

it.each([
  [new Ended('kicked'), 'kicked'],
  [new UpstreamFailure('tls-failed', 'x'), 'upstream-tls-failed'],
  [new MailwicketError('HASH_QUEUE_FULL'), 'hash-queue-full'],
  [new MailwicketError('WIRE_CLOSED'), 'client-left'],
  [new Error('ann@example.com'), 'bug'],
  [undefined, 'bug'],
])('%s is %s', (error, word) => {
  expect(failureOf(error)).toBe(word)
})
