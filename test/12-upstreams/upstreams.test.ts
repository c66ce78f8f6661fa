/** Every way to the upstream: TLS, STARTTLS and plain; own login of the mailbox, master login in both styles. It never sees an app password. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeMessage, seedMaildir } from '../fixtures/clients/maildir.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { findSecret } from '../fixtures/marker-secrets.ts'
import { Mailwicket, type UpstreamSpec, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { Dovecot, masterUser } from '../fixtures/servers/dovecot.ts'

const transports = ['implicit', 'starttls', 'none'] as const
const auths = ['stored', 'authzid', 'suffix'] as const
const ways = transports.flatMap(tls => auths.map(auth => ({ tls, auth, domain: `${tls}-${auth}.example` })))
const ownLogin = { address: 'sales@own-login.example', login: 'stored-elsewhere@none-stored.example' }

let dovecot: Dovecot
let gateway: Mailwicket
const appPasswords: string[] = []

beforeAll(async () => {
  const users = Object.fromEntries(ways.map(({ domain }) => [`reader@${domain}`, `upstream-secret-of-${domain}`]))
  dovecot = await Dovecot.open({ users: { ...users, [ownLogin.login]: 'upstream "secret" \\ of another login' } })
  const upstreams: UpstreamSpec[] = ways.map(({ tls, auth, domain }) => upstreamOf(dovecot, { name: `${tls}-${auth}`, domains: [domain], tls, auth }))
  // The same server, to which nobody's certificate authority is named.
  const distrusted: UpstreamSpec[] = [
    { name: 'distrusted-implicit', domains: ['distrusted-implicit.example'], address: `localhost:${dovecot.ports.tls}`, tls: 'implicit' },
    { name: 'distrusted-starttls', domains: ['distrusted-starttls.example'], address: `localhost:${dovecot.ports.plain}`, tls: 'starttls' },
  ]
  const own = upstreamOf(dovecot, { name: 'own', domains: ['own-login.example'] })
  gateway = await Mailwicket.open({ upstreams: [...upstreams, ...distrusted, own] })
  await gateway.serve()
})

afterAll(async () => {
  await gateway?.close()
  await dovecot?.stop()
})

async function addAccount(address: string) {
  const device = await gateway.addDevice(address, 'App')
  appPasswords.push(device.password)
  return gateway.account(address, device.password)
}

describe.each(ways)('$tls with $auth', ({ auth, domain }) => {
  test('a session', async () => {
    const address = `reader@${domain}`
    seedMaildir(dovecot.maildir(address), [makeMessage(ways.findIndex(way => way.domain === domain))])
    await gateway.addMailbox(address, auth === 'stored' ? dovecot.passwordOf(address) : undefined)
    const imap = await logIn(await addAccount(address))
    await imap.ok('SELECT INBOX')
    expect(await imap.ok('FETCH 1 BODY.PEEK[]')).toContain(`Body of message ${ways.findIndex(way => way.domain === domain)}.`)
    imap.destroy()
    await waitFor('the login in the log of Dovecot', 5000, () =>
      dovecot
        .readLog()
        .split('\n')
        .some(line => line.includes('Login: ') && line.includes(`<${address}>`)),
    )
    if (auth !== 'stored') expect(dovecot.readLog()).toContain(masterUser)
  })
})

test('a mailbox whose name at the upstream is another one', async () => {
  await gateway.addMailbox(ownLogin.address, dovecot.passwordOf(ownLogin.login), ['--login', ownLogin.login])
  const imap = await logIn(await addAccount(ownLogin.address))
  await imap.ok('SELECT INBOX')
  imap.destroy()
})

test.each(['implicit', 'starttls'])('an upstream with a certificate nobody vouches for gets no password (%s)', async tls => {
  const address = `reader@distrusted-${tls}.example`
  await gateway.addMailbox(address, `never-sent-${tls}`, ['--no-verify'])
  await expect(logIn(await addAccount(address))).rejects.toThrow('NO [UNAVAILABLE]')
  expect(findSecret(dovecot.readLog(), [`never-sent-${tls}`])).toBeUndefined()
})

test('a new mailbox with a wrong upstream password is not added', async () => {
  const address = `reader@${ways[0]?.domain}x`
  const finished = await gateway.run(['mailbox', 'add', address, '--upstream', 'none-stored', '--secret-stdin', '--json'], { input: 'not the upstream secret' })
  expect(finished.code).toBe(1)
  expect(JSON.parse(finished.stderr)).toMatchObject({ error: { code: 'UPSTREAM_LOGIN_FAILED' } })
})

test('the upstream was never shown an app password, but every upstream password', async () => {
  const log = dovecot.readLog()
  expect(findSecret(log, appPasswords)).toBeUndefined()
  for (const { auth, domain } of ways) {
    // Says that the log would have shown it.
    if (auth === 'stored') expect(findSecret(log, [dovecot.passwordOf(`reader@${domain}`)])).toBeDefined()
  }
})
