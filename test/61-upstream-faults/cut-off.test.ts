/** The upstream is gone in the middle of a literal: the app gets what came until then and the end of the connection, and nothing that looks like success. */
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor, within } from '../fixtures/deadline.ts'
import { type HostileConnection, HostileUpstream } from '../fixtures/misbehaving/hostile-upstream.ts'
import { Mailwicket } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

const transports = ['none', 'implicit'] as const
type Transport = (typeof transports)[number]
const announced = 1_000_000
const head = `* 1 FETCH (UID 1 BODY[] {${announced}}\r\n`
const part = Buffer.alloc(300_000, 'mail ')
let dovecot: Dovecot
let gateway: Mailwicket
const upstreams = new Map<Transport, { upstream: HostileUpstream; account: ImapAccount }>()

beforeAll(async () => {
  // For its certificate.
  dovecot = await Dovecot.open({ users: { 'reader@example.com': 'upstream-secret-1' } })
  const opened = await Promise.all(transports.map(() => HostileUpstream.open(dovecot.certificate)))
  gateway = await Mailwicket.open({
    upstreams: transports.map((tls, index) => ({
      name: tls,
      domains: [`${tls}.example`],
      address: `localhost:${opened[index]?.port}`,
      tls,
      ca: dovecot.authority.ca,
    })),
  })
  await gateway.serve()
  for (const [index, tls] of transports.entries()) {
    const user = `reader@${tls}.example`
    await gateway.addMailbox(user, `upstream-secret-of-${tls}`, ['--no-verify'])
    upstreams.set(tls, { upstream: opened[index] as HostileUpstream, account: gateway.account(user, (await gateway.addDevice(user, 'Phone')).password) })
  }
})

afterAll(async () => {
  await gateway?.close()
  for (const { upstream } of upstreams.values()) await upstream.close()
  await dovecot?.stop()
})

/** A session of which the test plays the upstream. */
async function openSession(tls: Transport): Promise<{ imap: RawImap; server: HostileConnection; tcp: Socket }> {
  const { upstream, account } = upstreams.get(tls) ?? {}
  if (upstream === undefined || account === undefined) throw new Error('no upstream')
  const accepted = Promise.withResolvers<{ server: HostileConnection; tcp: Socket }>()
  const opened = Promise.withResolvers<RawImap>()
  await upstream.meet(
    async plain => {
      const connection = tls === 'implicit' ? plain.startTls() : plain
      connection.say('* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready\r\n')
      connection.say(`${await connection.tag()} OK [CAPABILITY IMAP4rev1] in\r\n`)
      accepted.resolve({ server: connection, tcp: plain.socket })
    },
    () => void logIn(account).then(opened.resolve, opened.reject),
  )
  return { imap: await opened.promise, ...(await accepted.promise) }
}

describe.each(transports)('upstream transport: %s', tls => {
  test.each(['reset', 'end'] as const)('%s in the middle of a literal', async way => {
    const { imap, server, tcp } = await openSession(tls)
    const files = gateway.openFileCount()
    imap.write('f FETCH 1 BODY.PEEK[]\r\n')
    expect(await server.tag()).toBe('f')
    server.say(head)
    server.say(part)
    // The app has something of it, and reads on.
    await imap.readUntil('mail mail')
    if (way === 'end') server.socket.end()
    else tcp.resetAndDestroy()
    await imap.readToEnd()
    const from = imap.received.indexOf(head)
    const literal = imap.received.subarray(from + head.length)
    expect(literal.equals(part.subarray(0, literal.length))).toBe(true)
    // By a FIN all of it arrives; by a reset what was under way may be lost, as without us.
    if (way === 'end') expect(literal.length).toBe(part.length)
    imap.destroy()
    tcp.destroy()
    await waitFor('both sockets of the gateway closed', 5000, () => gateway.openFileCount() === files - 2)
  })

  test('in the middle of an upload: the app hears the end, not that it was kept', async () => {
    const { imap, server, tcp } = await openSession(tls)
    imap.write('a APPEND INBOX {1000000}\r\n')
    await server.line()
    server.say('+ go on\r\n')
    await imap.readUntil('+ go on')
    imap.write(part)
    tcp.resetAndDestroy()
    expect(await within('the end', 10_000, imap.readToEnd())).not.toMatch(/^a OK/m)
    imap.destroy()
  })
})
