import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { formatProxyHeader } from '../../base/sockets/proxy-header.ts'
import { probeImap } from './imap-probe.ts'
import { targetAt } from './probe-target-fixture.ts'
import { probeSubmission } from './submission-probe.ts'

const HEADER = formatProxyHeader({ host: '192.0.2.2', port: 4711 }, { host: '192.0.2.1', port: 993 })
const behind = (port: number) => targetAt(port, 'none', { proxyHeader: HEADER })
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** Takes the header off where it is told to, greets, and gives each line to `answer`. */
async function startServer(takesHeader: 'yes' | 'no', greeting: string, answer: (line: string, socket: Socket) => string) {
  const heard: Buffer[] = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    let isGreeted = false
    let unread = Buffer.alloc(0)
    const greet = () => {
      isGreeted = true
      socket.write(`${greeting}\r\n`)
    }
    if (takesHeader === 'no') greet()
    socket.on('data', (chunk: Buffer) => {
      heard.push(chunk)
      unread = Buffer.concat([unread, chunk])
      if (!isGreeted && unread.length >= HEADER.length) {
        unread = unread.subarray(HEADER.length)
        greet()
      }
      for (let end = unread.indexOf('\r\n'); isGreeted && end >= 0; end = unread.indexOf('\r\n')) {
        const line = unread.toString('latin1', 0, end)
        unread = unread.subarray(end + 2)
        socket.write(answer(line, socket))
      }
    })
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    heard: () => Buffer.concat(heard),
    port: (server.address() as { port: number }).port,
  }
}

const account = { authzid: '', user: 'ada@example.test', secret: Secret.fromText('header-marker') }

function imap(line: string): string {
  const [tag = '', verb = ''] = line.split(' ')
  if (tag === '' || /[^a-z0-9-]/i.test(tag)) return '* BAD what?\r\n'
  if (verb === 'CAPABILITY') return `* CAPABILITY IMAP4rev1 ID\r\n${tag} OK done\r\n`
  if (verb === 'LOGOUT') return `* BYE bye\r\n${tag} OK done\r\n`
  return `${tag} OK done\r\n`
}

function smtp(line: string, socket: Socket): string {
  if (/^EHLO/.test(line)) return '250-mail\r\n250-XCLIENT ADDR\r\n250 AUTH PLAIN\r\n'
  if (/^AUTH/.test(line)) return '235 2.7.0 in\r\n'
  if (/^QUIT/.test(line)) socket.end()
  return /^QUIT/.test(line) ? '221 bye\r\n' : '500 5.5.2 what?\r\n'
}

describe('a probe of a server that expects a PROXY header', () => {
  it('sends IMAP it, and logs in behind it', async () => {
    const { port, heard } = await startServer('yes', '* OK [CAPABILITY IMAP4rev1 ID] hello', imap)
    expect(await probeImap(behind(port), account)).toMatchObject({ loggedIn: true })
    expect(heard().subarray(0, HEADER.length)).toEqual(HEADER)
  })

  it('sends submission it, and logs in behind it', async () => {
    const { port, heard } = await startServer('yes', '220 mail', smtp)
    const facts = await probeSubmission(behind(port), account)
    expect(facts).toMatchObject({ loggedIn: true, keywords: ['XCLIENT', 'AUTH'] })
    expect(heard().subarray(0, HEADER.length)).toEqual(HEADER)
  })

  it.each([
    ['IMAP', '* OK [CAPABILITY IMAP4rev1 ID] hello', imap, probeImap],
    ['submission', '220 mail', smtp, probeSubmission],
  ] as const)('says what is to be done when there is no such %s server, and sends it no secret', async (_, greeting, answer, probe) => {
    const { port, heard } = await startServer('no', greeting, answer)
    await expect(probe(behind(port), account)).rejects.toMatchObject({
      code: 'UPSTREAM_LOGIN_FAILED',
      remedy: expect.stringContaining('forward_client = "proxy"'),
    })
    expect(heard().toString('latin1')).not.toMatch(/AUTH|LOGIN|header-marker/)
  })

  it.each([probeImap, probeSubmission])('says when nobody listens', async probe => {
    await expect(probe(behind(1), account)).rejects.toMatchObject({
      code: 'UPSTREAM_LOGIN_FAILED',
      remedy: expect.stringContaining('firewall'),
    })
  })
})
