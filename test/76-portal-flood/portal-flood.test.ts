/**
 * Hostile clients at the portal's port: thousands of connections that say nothing, or say it slowly, and requests that no browser sends. Mail logins and
 * sessions do not notice, the portal has no more descriptors than it may, and serves at once when they are gone.
 */
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HTTP_LIMITS } from '../../http/http-limits.ts'
import { logIn, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { Mailwicket, type NewDevice, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { addPortal } from '../fixtures/program/served-portal.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

const user = 'office@example.com'
/** Of 200 each: fewer than one network may hold. MW_FLOOD: more, by hand. */
const NETWORKS = Number(process.env['MW_FLOOD'] ?? 2_000) / 200
let dovecot: Dovecot
let gateway: Mailwicket
let phone: NewDevice
let session: RawImap
let url: URL

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [user]: 'upstream+secret/76' } })
  gateway = await Mailwicket.open({ upstreams: [upstreamOf(dovecot)] })
  await gateway.addMailboxOf(dovecot, user)
  phone = await gateway.addDevice(user, 'Phone')
  url = new URL(await addPortal(gateway))
  await gateway.serve()
  session = await logIn(gateway.account(user, phone.password))
  await session.ok('SELECT INBOX')
})

afterAll(async () => {
  session?.destroy()
  await gateway?.close()
  await dovecot?.stop()
})

const HEAD = () => `GET /sign-in HTTP/1.1\r\nHost: ${url.host}\r\n`
const POST = () => `POST /sign-in HTTP/1.1\r\nHost: ${url.host}\r\nOrigin: ${url.origin}\r\nContent-Type: application/x-www-form-urlencoded\r\n`

const portalPid = () => Number(gateway.log.findLast(({ event, process: name }) => event === 'process.started' && name === 'portal')?.['pid'])

/** Resolves when the server took it, or closed it. */
function openSocket(localAddress: string, text: string): Promise<Socket> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port: Number(url.port), localAddress }, () => {
      socket.write(text)
      resolve(socket)
    })
    socket.on('error', () => {}).once('close', () => resolve(socket))
    socket.resume()
  })
}

test('thousands of connections that are idle, slow or kept alive: mail goes on, and the portal is back at once', async () => {
  const kinds = ['', HEAD(), `${POST()}Content-Length: 100000\r\n\r\nlogin=`, `${HEAD()}\r\n`]
  const sockets: Socket[] = []
  for (let network = 1; network <= NETWORKS; network++)
    sockets.push(...(await Promise.all(Array.from({ length: 200 }, (_, n) => openSocket(`127.0.${network}.1`, kinds[n % kinds.length] ?? '')))))
  const trickle = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.write('x')
  }, 500)
  await session.ok('NOOP')
  const other = await logIn(gateway.account(user, phone.password))
  await other.ok('SELECT INBOX')
  other.destroy()
  await session.ok('NOOP')
  expect(readdirSync(`/proc/${portalPid()}/fd`).length).toBeLessThan(HTTP_LIMITS.connections + 100)
  clearInterval(trickle)
  for (const socket of sockets) socket.destroy()
  await waitFor('the sign-in page', 10_000, async () => (await fetch(`${url.origin}/sign-in`).catch(() => undefined))?.status === 200)
  await waitFor('an empty portal', 10_000, () => readdirSync(`/proc/${portalPid()}/fd`).length < 100)
  await session.ok('NOOP')
})

/** Everything that comes back, of a connection that ends by itself or after the last answer. */
function talk(text: string): Promise<string> {
  return new Promise(resolve => {
    let said = ''
    const socket = connect({ host: '127.0.0.1', port: Number(url.port) }, () => socket.end(text, 'latin1'))
    socket.setEncoding('latin1').on('data', part => {
      said += part
    })
    socket.on('error', () => {}).once('close', () => resolve(said))
  })
}

const get = (path: string, host = url.host, more = '') => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`

test.each<[string, () => string, RegExp]>([
  ['a head of 20 KB', () => get('/sign-in', url.host, `Cookie: ${'x'.repeat(20_000)}\r\n`), /^HTTP\/1\.1 431 /],
  ['a body of 300 KB', () => `${POST()}Connection: close\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`, /^HTTP\/1\.1 413 /],
  ['a path of 10,000 characters', () => get(`/${'x'.repeat(10_000)}`), /^HTTP\/1\.1 404 /],
  ['a path that climbs', () => get('/assets/../../../../etc/passwd'), /^HTTP\/1\.1 404 /],
  ['a path that climbs in disguise', () => get('/assets/..%2f..%2f..%2fetc%2fpasswd'), /^HTTP\/1\.1 404 /],
  ['a path with a zero', () => get('/m/%00/devices'), /^HTTP\/1\.1 (303|404) /],
  ['a path that is not UTF-8', () => get('/m/%ff%fe/devices'), /^HTTP\/1\.1 (303|404) /],
  ['a path of half an escape', () => get('/m/%/devices'), /^HTTP\/1\.1 (303|404) /],
  ['a path that looks like another host', () => get('//evil.example/services'), /^HTTP\/1\.1 404 /],
  ['a target with another host', () => get('http://evil.example/sign-in'), /^HTTP\/1\.1 (4\d\d|200) /],
  ['another host', () => get('/sign-in', 'evil.example'), /^HTTP\/1\.1 421 /],
  ['our host as a part of another', () => get('/sign-in', `${url.hostname}.evil.example`), /^HTTP\/1\.1 421 /],
  ['a host behind credentials', () => get('/sign-in', `${url.host}@evil.example`), /^HTTP\/1\.1 (400|421) /],
  ['two hosts', () => get('/sign-in', url.host, 'Host: evil.example\r\n'), /^HTTP\/1\.1 (400|421) /],
  ['a host that a proxy is said to have seen', () => get('/', url.host, 'X-Forwarded-Host: evil.example\r\n'), /^HTTP\/1\.1 303 /],
  ['a header folded over two lines', () => get('/sign-in', url.host, 'X: a\r\n b\r\n'), /^HTTP\/1\.1 (400|200) /],
  ['a method that there is not', () => get('/sign-in').replace('GET', 'TRACE'), /^HTTP\/1\.1 4\d\d /],
])('%s', async (_, text, expected) => {
  const said = await talk(text())
  expect(said).toMatch(expected)
  expect(said).not.toMatch(/(?:href="|action="|location: )(?:https?:)?\/\/evil/i)
  expect(said).not.toContain('root:')
})

test('requests in one breath are answered one after the other', async () => {
  const said = await talk(`${get('/healthz').replace('Connection: close\r\n', '').repeat(20)}${get('/healthz')}`)
  expect(said.match(/HTTP\/1\.1 200 /g)).toHaveLength(21)
})

test('nothing of it was a defect, nor is a client that leaves in the middle of a body', async () => {
  for (const more of ['', 'Transfer-Encoding: chunked\r\n\r\n5\r\n{"nam']) {
    const api = `POST /api/v1/people HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\n`
    for (const head of [POST(), api]) (await openSocket('127.0.0.1', `${head}${more === '' ? 'Content-Length: 100\r\n\r\n{"nam' : more}`)).destroy()
  }
  await talk(get('/healthz'))
  await session.ok('NOOP')
  expect(gateway.log.filter(({ event }) => event === 'bug' || event === 'process.ended')).toEqual([])
})
