/** An app that is set to the wrong port or the wrong kind of security: let go soon, and one line of the log says what to change. A balancer's look is none. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitFor } from '../fixtures/deadline.ts'
import { SubmissionGateway } from '../fixtures/program/submission-stage.ts'

const kinds = [
  { protocol: 'imap', tls: 'implicit' },
  { protocol: 'imap', tls: 'starttls' },
  { protocol: 'submission', tls: 'implicit' },
  { protocol: 'submission', tls: 'starttls' },
] as const
type Kind = (typeof kinds)[number]

let gateway: SubmissionGateway

beforeAll(async () => {
  gateway = await SubmissionGateway.open([
    { name: 'main', domains: ['example.com'], imap: { address: '127.0.0.1:1', tls: 'none' }, submission: { address: '127.0.0.1:1', tls: 'none' } },
  ])
  // Twenty seconds in the product.
  await gateway.serve({ tlsHandshakeMs: 3_000 })
})

afterAll(async () => await gateway?.mailwicket.close())

function portOf(kind: Kind): number {
  const [ready] = gateway.logOf('ready') as unknown as { listen: (Kind & { address: string })[] }[]
  return Number(
    ready?.listen
      .find(({ protocol, tls }) => protocol === kind.protocol && tls === kind.tls)
      ?.address.split(':')
      .at(-1),
  )
}

async function open(kind: Kind, localAddress: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: portOf(kind), localAddress })
  socket.on('error', () => {})
  await new Promise(resolve => socket.once('connect', resolve))
  return socket
}

const isClosed = (socket: Socket) => new Promise<void>(resolve => (socket.closed ? resolve() : void socket.resume().once('close', () => resolve())))
/** What the log says of this address. */
const linesOf = (remote: string) => gateway.mailwicket.log.filter(line => line.remote === remote)
const linesForPeople = (remote: string) => linesOf(remote).filter(({ level }) => level !== 'debug' && level !== 'trace')

test.each(kinds.filter(({ tls }) => tls === 'starttls'))('TLS on the STARTTLS port of $protocol', async kind => {
  const remote = `127.0.7.${kinds.indexOf(kind)}`
  for (let count = 0; count < 3; count += 1) {
    const socket = await open(kind, remote)
    // It does not wait for the greeting, as no app does that begins with TLS.
    const tls = connectTls({ socket, rejectUnauthorized: false })
    tls.on('error', () => {})
    await isClosed(socket)
  }
  await waitFor('the ends', 5_000, () => linesOf(remote).filter(({ event }) => event === 'session.end').length === 3)
  expect(linesForPeople(remote)).toMatchObject([
    { event: 'session.failed', reason: 'speaks-tls', proto: kind.protocol, advice: expect.stringContaining('STARTTLS') },
  ])
  for (const line of linesOf(remote)) if (line.event === 'session.end') expect(line.why).toBe('speaks-tls')
})

test.each(kinds.filter(({ tls }) => tls === 'implicit'))('plain text on the TLS port of $protocol', async kind => {
  const texts = kind.protocol === 'imap' ? ['a LOGIN x y\r\n', '\r\n', 'GET / HTTP/1.1\r\n\r\n'] : ['EHLO x\r\n', 'QUIT\r\n', 'POST / HTTP/1.1\r\n\r\n']
  for (const [index, text] of texts.entries()) {
    const remote = `127.0.8.${10 * kinds.indexOf(kind) + index}`
    const socket = await open(kind, remote)
    socket.write(text)
    await isClosed(socket)
    await waitFor('the line', 5_000, () => linesForPeople(remote).length > 0)
    expect(linesForPeople(remote)).toMatchObject([
      { event: 'session.failed', reason: 'speaks-plain', proto: kind.protocol, advice: expect.stringContaining('SSL/TLS') },
    ])
  }
})

test.each(kinds.filter(({ tls }) => tls === 'implicit'))('waiting for a greeting on the TLS port of $protocol', async kind => {
  const remote = `127.0.9.${kinds.indexOf(kind)}`
  await isClosed(await open(kind, remote))
  await waitFor('the line', 5_000, () => linesForPeople(remote).length > 0)
  expect(linesForPeople(remote)).toMatchObject([{ event: 'session.failed', reason: 'speaks-plain' }])
})

test.each(kinds)('a balancer that looks whether $protocol $tls is there', async kind => {
  const remote = `127.0.10.${kinds.indexOf(kind)}`
  for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
    const socket = await open(kind, remote)
    socket[leave]()
    await isClosed(socket)
  }
  // One that is reset before we come to it leaves no line at all.
  await waitFor('an end', 5_000, () => linesOf(remote).length > 0)
  // Whoever comes after them has been served after them.
  const last = await open(kind, `127.0.11.${kinds.indexOf(kind)}`)
  last.end(kind.tls === 'implicit' ? Buffer.of(0x16) : 'QUIT\r\n')
  await isClosed(last)
  expect(linesForPeople(remote)).toEqual([])
})

test('two hundred networks of them write no more than a few lines', async () => {
  const kind = kinds[3]
  const before = gateway.logOf('session.failed').filter(({ level }) => level === 'info').length
  for (let round = 0; round < 10; round += 1)
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const socket = await open(kind, `127.1.${round}.${index}`)
        socket.write(Buffer.of(0x16, 3, 1, 0, 5))
        await isClosed(socket)
      }),
    )
  expect(gateway.logOf('session.failed').filter(({ level }) => level === 'info').length - before).toBeLessThanOrEqual(20)
})
