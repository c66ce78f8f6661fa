import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { silentLog } from '../../base/log.ts'
import type { ListenConfig } from '../../config/config.ts'
import { Unauthenticated } from '../abuse/unauthenticated.ts'
import { LIMITS } from '../limits.ts'
import { type Listener, openListener } from './listener.ts'
import { type ConnectionServices, serveConnection } from './serve-connection.ts'

const config: ListenConfig = { protocol: 'imap', host: '127.0.0.1', port: 0, tls: 'starttls', minTls: '1.2', proxyProtocolFrom: undefined }
let mayConnect = async () => true
const open: { close?(): void; destroy?(): unknown }[] = []
afterEach(() => {
  mayConnect = async () => true
  for (const one of open.splice(0)) one.close === undefined ? one.destroy?.() : one.close()
})

async function openOne(serve: ConnectionServices['serve']['imap'], unauthenticated = new Unauthenticated(() => {})): Promise<Listener> {
  const services = {
    log: silentLog,
    limits: LIMITS,
    wrongProtocol: { tell: () => {} },
    metrics: { connectionAccepted: () => {}, connectionFailed: () => {}, limited: () => {} },
    unauthenticated,
    limiter: { mayConnect: () => mayConnect(), takeGreetingTurn: async () => true, takeHandshakeTurn: async () => true, countedBlockOf: () => '192.0.2.1' },
    serve: { imap: serve, submission: serve },
  } as unknown as ConnectionServices
  const listener = await openListener(config, { log: silentLog, onConnection: (socket, accepted) => void serveConnection(socket, accepted, services) })
  open.push(listener)
  return listener
}

function visit({ facts }: Listener): Socket {
  const socket = connect(Number(facts.address.split(':').at(-1)), '127.0.0.1')
  open.push(socket)
  return socket
}

test('nothing of the time before the login is left on the socket of a session', async () => {
  const served = Promise.withResolvers<Socket>()
  const handOver = Promise.withResolvers<void>()
  const unauthenticated = new Unauthenticated(() => {})
  const listener = await openOne(async ({ socket }) => {
    served.resolve(socket as Socket)
    await handOver.promise
  }, unauthenticated)
  visit(listener)
  const socket = await served.promise
  expect(unauthenticated.size).toBe(1)
  handOver.resolve()
  await new Promise(resolve => setImmediate(resolve))
  expect(unauthenticated.size).toBe(0)
  expect(socket.listenerCount('close')).toBe(0)
  expect(socket.destroyed).toBe(false)
  socket.destroy()
})

test('a session that throws gives its place back and its connection up', async () => {
  const unauthenticated = new Unauthenticated(() => {})
  const listener = await openOne(async () => Promise.reject(new Error('a defect')), unauthenticated)
  const client = visit(listener)
  await once(client.resume(), 'close')
  expect(unauthenticated.size).toBe(0)
})

test('the time that passed before the greeting counts towards the time to log in', async () => {
  const waitMs = 200
  mayConnect = () => new Promise(resolve => setTimeout(() => resolve(true), waitMs))
  const left = Promise.withResolvers<number>()
  visit(await openOne(async (_connection, msToLogin) => left.resolve(msToLogin)))
  const ms = await left.promise
  expect(ms).toBeLessThanOrEqual(LIMITS.loginMs - waitMs + 2)
  expect(ms).toBeGreaterThan(LIMITS.loginMs / 2)
})
