import { once } from 'node:events'
import { createServer } from 'node:net'
import { connect } from 'node:tls'
import { expect, test } from 'vitest'
import { readServerName } from './server-name.ts'

/** The ClientHello of OpenSSL, as it arrives. */
async function helloFor(options: { servername?: string; maxVersion?: 'TLSv1.2' }): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1', ...options })
  client.on('error', () => {})
  const [socket] = await once(server, 'connection')
  const [bytes] = await once(socket, 'data')
  client.destroy()
  socket.destroy()
  server.close()
  return bytes
}

test.each([{}, { maxVersion: 'TLSv1.2' }] as const)('the name that OpenSSL asks for, %j', async options => {
  expect(readServerName(await helloFor({ ...options, servername: 'mail.example.com' }))).toBe('mail.example.com')
  expect(readServerName(await helloFor(options))).toBeUndefined()
})

test('cut anywhere, with any byte changed, or with noise in its place: a name or none, and never an error', async () => {
  const hello = await helloFor({ servername: 'mail.example.com' })
  const isName = (name: string | undefined) => name === undefined || (name.length <= 255 && /^[\x21-\x7e]+$/.test(name))
  for (let at = 0; at <= hello.length; at += 1) expect(isName(readServerName(hello.subarray(0, at)))).toBe(true)
  for (let at = 0; at < hello.length; at += 1) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const changed = Buffer.from(hello)
      changed[at] = value
      expect(isName(readServerName(changed))).toBe(true)
    }
  }
  for (const fill of [0, 0xff, 0x41]) expect(isName(readServerName(Buffer.alloc(16_384, fill)))).toBe(true)
})

test.each(['a'.repeat(256), 'with space', 'null\0byte', 'umläut'])('a name that none can be is none: %j', async name => {
  const hello = await helloFor({ servername: 'x'.repeat(20) })
  const bytes = Buffer.from(name, 'latin1')
  const at = hello.indexOf('x'.repeat(20))
  const changed = Buffer.concat([hello.subarray(0, at - 2), Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes, hello.subarray(at + 20)])
  const grow = (offset: number) => changed.writeUInt16BE(changed.readUInt16BE(offset) + bytes.length - 20, offset)
  // The lengths around it: of the list, and of the extension.
  grow(at - 5)
  grow(at - 7)
  expect(readServerName(changed)).toBeUndefined()
})
