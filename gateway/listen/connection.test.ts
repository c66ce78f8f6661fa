import { once } from 'node:events'
import { connect as connectTls, createSecureContext } from 'node:tls'
import { beforeAll, expect, it, vi } from 'vitest'
import { makePem, type Pem } from '../../certs/certificate-fixture.ts'
import type { Certificates } from '../../certs/certificates.ts'
import { LIMITS } from '../limits.ts'
import { Connection } from './connection.ts'
import { openTcpPair } from './tcp-pair-fixture.ts'

let pem: Pem
beforeAll(async () => {
  pem = await makePem({ names: ['localhost'] })
})

async function openConnection() {
  const [client, ours] = await openTcpPair()
  const offered: (string | undefined)[] = []
  const offer = (name: string | undefined) => {
    offered.push(name)
    return { secureContext: createSecureContext(pem) }
  }
  const certificates = { offer } as unknown as Certificates
  const connection = new Connection(
    ours,
    { protocol: 'imap', tls: 'implicit', host: '127.0.0.1', port: 0, proxyProtocolFrom: undefined, minTls: '1.2' },
    certificates,
    LIMITS,
  )
  return { client, ours, connection, offered }
}

it('puts TLS on, and what comes with the end of the handshake is not lost', async () => {
  const { client, connection } = await openConnection()
  const secured = connection.secure()
  const app = connectTls({ socket: client, rejectUnauthorized: false })
  app.write('at once')
  await secured
  expect(connection.tls).toBe('TLSv1.3')
  expect(await new Promise(resolve => connection.socket.once('data', chunk => resolve(chunk.toString())))).toBe('at once')
  expect(connection.socket.listenerCount('readable')).toBe(0)
  connection.destroy()
})

it('asks for the certificates of the name in the ClientHello, before the handshake', async () => {
  const { client, connection, offered } = await openConnection()
  const secured = connection.secure()
  const app = connectTls({ socket: client, rejectUnauthorized: false, servername: 'mail.example.com' })
  await secured
  expect(offered).toEqual(['mail.example.com'])
  app.destroy()
  connection.destroy()
})

it.each(['', '\u0016\u0003\u0001\u0002\u0000'])('hears at once that a client has left in the middle of the handshake: %j', async hello => {
  const { client, ours, connection } = await openConnection()
  const secured = connection.secure()
  client.end(hello, 'latin1')
  await expect(secured).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
  if (!ours.closed) await once(ours, 'close')
})

it('does not take another protocol for TLS', async () => {
  const { client, connection } = await openConnection()
  const secured = connection.secure()
  client.write('GET / HTTP/1.1\r\n\r\n')
  await expect(secured).rejects.toMatchObject({ code: 'WIRE_SYNTAX' })
})

it.each([1, 7, 100_000])('takes its turn when the whole ClientHello is there, not before: in pieces of %d bytes', async size => {
  const { client, connection } = await openConnection()
  const hello = await recordHello()
  let turns = 0
  const turn = Promise.withResolvers<void>()
  connection.takeTurn = async () => {
    turns += 1
    await turn.promise
    return true
  }
  connection.secure().catch(() => {})
  for (let at = 0; at < hello.length; at += size) {
    expect(turns).toBe(0)
    client.write(hello.subarray(at, at + size))
    if (at + size < hello.length) await new Promise(resolve => setImmediate(resolve))
  }
  await vi.waitFor(() => expect(turns).toBe(1))
  const answer = once(client, 'data')
  turn.resolve()
  // ServerHello: nothing of what was looked at is lost.
  expect(((await answer)[0] as Buffer)[0]).toBe(22)
  connection.destroy()
})

it('does no work for a client that leaves while it waits for its turn', async () => {
  const { client, connection } = await openConnection()
  connection.takeTurn = async tcp => {
    client.resetAndDestroy()
    await new Promise(resolve => tcp.once('close', resolve))
    return false
  }
  const secured = connection.secure()
  client.write(await recordHello())
  await expect(secured).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
})

/** The first message of a TLS client. */
async function recordHello(): Promise<Buffer> {
  const [near, far] = await openTcpPair()
  const said = once(far, 'data') as Promise<[Buffer]>
  connectTls({ socket: near, rejectUnauthorized: false }).on('error', () => {})
  const [hello] = await said
  near.destroy()
  far.destroy()
  return hello
}
