import { createHash, randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls'
import { afterEach, beforeAll, expect, it } from 'vitest'
import { makePem, type Pem } from '../../certs/certificate-fixture.ts'
import { LIMITS } from '../../gateway/limits.ts'
import { Splice } from '../../gateway/wire/splice.ts'
import { UpstreamDialler } from '../../upstream/upstream-dialler.ts'

const servers: Server[] = []
let pem: Pem
beforeAll(async () => {
  pem = await makePem({ names: ['localhost'] })
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function listen(server: Server): Promise<number> {
  servers.push(server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

it('an idle TLS socket has encrypted a chunk when write() returns, so its memory may be used again', async () => {
  const port = await listen(
    createServer(socket => {
      const secure = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(pem) })
      secure.once('secure', () => {
        for (let i = 0; i < 20; i += 1) {
          setImmediate(() => {
            const shared = Buffer.alloc(128 * 1024, i)
            secure.write(secure.writableLength === 0 ? shared : Buffer.from(shared))
            shared.fill(0xff)
            if (i === 19) secure.end()
          })
        }
      })
    }),
  )
  const client = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  const chunks: Buffer[] = []
  client.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(client, 'end')
  const received = Buffer.concat(chunks)
  expect(received.length).toBe(20 * 128 * 1024)
  for (let i = 0; i < 20; i += 1) expect(received.subarray(i * 128 * 1024, (i + 1) * 128 * 1024).every(byte => byte === i)).toBe(true)
})

it('thirty sessions at once, quick and slow, get their own bytes and no others', async () => {
  const digests = new Map<string, string>()
  const upstreamPort = await listen(
    createServer(socket => {
      // Says who it is, then a megabyte or two in pieces of any size.
      const id = randomBytes(8).toString('hex')
      const hash = createHash('sha256')
      const say = (bytes: Buffer) => {
        hash.update(bytes)
        return socket.write(bytes)
      }
      say(Buffer.from(id))
      let left = 1_000_000 + randomInt(1_000_000)
      const go = () => {
        while (left > 0) {
          const size = Math.min(left, 1 + randomInt(200_000))
          left -= size
          if (!say(randomBytes(size))) return void socket.once('drain', go)
        }
        digests.set(id, hash.digest('hex'))
        socket.end()
      }
      go()
      socket.resume()
    }),
  )
  const dialler = new UpstreamDialler({ host: '127.0.0.1', port: upstreamPort, tls: 'none' })
  const gatewayPort = await listen(
    createServer({ allowHalfOpen: true }, async socket => {
      const client = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(pem) })
      client.on('error', () => {})
      await once(client, 'secure')
      const upstream = await dialler.dial(new AbortController().signal)
      new Splice(client, upstream, LIMITS, () => {}).start(Buffer.alloc(0), Buffer.alloc(0))
    }),
  )
  const download = async (slow: boolean) => {
    const client = connectTls({ port: gatewayPort, host: '127.0.0.1', rejectUnauthorized: false })
    const hash = createHash('sha256')
    let id = ''
    client.on('data', (chunk: Buffer) => {
      if (id.length < 16) id += chunk.toString('latin1').slice(0, 16 - id.length)
      hash.update(chunk)
      if (slow) {
        client.pause()
        setImmediate(() => setImmediate(() => client.resume()))
      }
    })
    await once(client, 'end')
    client.end()
    return { id, digest: hash.digest('hex') }
  }
  for (const { id, digest } of await Promise.all(Array.from({ length: 30 }, (_, i) => download(i % 2 === 0)))) expect(digest).toBe(digests.get(id))
})
