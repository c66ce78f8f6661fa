import { once } from 'node:events'
import { connect as connectTls, createSecureContext } from 'node:tls'
import { beforeAll, expect, it } from 'vitest'
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
  const certificates = { contextFor: () => createSecureContext(pem) } as unknown as Certificates
  const connection = new Connection(
    ours,
    { protocol: 'imap', tls: 'implicit', host: '127.0.0.1', port: 0, proxyProtocolFrom: undefined, minTls: '1.2' },
    certificates,
    LIMITS,
  )
  return { client, ours, connection }
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
  await expect(secured).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
})
