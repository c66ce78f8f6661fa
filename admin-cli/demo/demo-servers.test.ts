import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DemoServers, findPorts, startDemoServers } from './demo-servers.ts'

const ADDRESS = 'ada@example.test'
let servers: DemoServers

beforeAll(async () => {
  servers = await startDemoServers({ address: ADDRESS, password: 'right-marker', ports: { imap: 0, submission: 0 }, now: Date.now() })
})
afterAll(() => servers.close())

/** Says these lines, each after an answer to the one before that ends as told; resolves to everything that was answered. */
function talk(port: number, lines: readonly string[], isAnswered: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1')
    const left = [...lines]
    let [all, last] = ['', '']
    socket.setEncoding('latin1')
    socket.on('error', reject)
    socket.on('data', (text: string) => {
      all += text
      last += text
      if (!isAnswered(last)) return
      last = ''
      const next = left.shift()
      if (next === undefined) return void socket.end()
      socket.write(`${next}\r\n`, 'latin1')
    })
    socket.on('close', () => resolve(all))
  })
}

const smtp = (lines: readonly string[]) => talk(servers.submissionPort, lines, text => /^\d{3} .*\r\n$/m.test(text))
const imap = (lines: readonly string[]) => talk(servers.imapPort, lines, text => /^(\* OK|\w+ (OK|NO|BAD)) .*\r\n$/m.test(text))
const auth = `AUTH PLAIN ${Buffer.from(`\0${ADDRESS}\0right-marker`).toString('base64')}`

it('what is sent through one half is read through the other, byte for byte', async () => {
  const message = 'Subject: \xfc\r\n\r\n..a line with a dot\r\n\xff\r\n'
  const sent = await smtp(['EHLO me', auth, `MAIL FROM:<${ADDRESS}>`, `RCPT TO:<Ada@Example.test>`, 'DATA', `${message}.`, 'QUIT'])
  expect(sent).toMatch(/250 .*Delivered/)
  const read = await imap([`a LOGIN ${ADDRESS} right-marker`, 'b SELECT INBOX', 'c FETCH 6 BODY[]', 'd LOGOUT'])
  expect(read).toContain('* 6 EXISTS')
  expect(read).toContain(message.replace('..a', '.a'))
})

it('nothing leaves the machine, and nobody sends without the password', async () => {
  expect(await smtp(['EHLO me', auth, `MAIL FROM:<${ADDRESS}>`, 'RCPT TO:<someone@example.com>', 'QUIT'])).toMatch(/550 .*nothing leaves this machine/)
  expect(await smtp(['EHLO me', `MAIL FROM:<${ADDRESS}>`, 'QUIT'])).toMatch(/^530 /m)
  const wrong = `AUTH PLAIN ${Buffer.from(`\0${ADDRESS}\0wrong-marker`).toString('base64')}`
  expect(await smtp(['EHLO me', wrong, 'QUIT'])).toMatch(/^535 /m)
})

it('ports that somebody has are replaced by free ones, each another', async () => {
  const holder = createServer()
  await new Promise<void>(resolve => holder.listen(0, '127.0.0.1', resolve))
  const { port } = holder.address() as { port: number }
  const ports = await findPorts({ one: port, two: port })
  expect(new Set([port, ports.one, ports.two]).size).toBe(3)
  holder.close()
})
