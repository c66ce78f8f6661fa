import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { LOCAL_PROXY_HEADER } from '../../base/proxy-header.ts'
import { Secret } from '../../base/secret.ts'
import { probeImap } from './imap-probe.ts'
import { probeSubmission } from './submission-probe.ts'

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
      if (!isGreeted && unread.length >= LOCAL_PROXY_HEADER.length) {
        unread = unread.subarray(LOCAL_PROXY_HEADER.length)
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
    target: { host: '127.0.0.1', port: (server.address() as { port: number }).port, tls: 'none', ca: undefined } as const,
  }
}

const account = { authzid: undefined, user: 'ada@example.test', secret: Secret.fromText('header-marker') }

function imap(line: string): string {
  const [tag = '', verb = ''] = line.split(' ')
  if (tag === '' || /[^a-z0-9]/i.test(tag)) return '* BAD what?\r\n'
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
  it('sends IMAP one that says LOCAL, and logs in behind it', async () => {
    const { target, heard } = await startServer('yes', '* OK [CAPABILITY IMAP4rev1 ID] hello', imap)
    expect(await probeImap({ ...target, wantsHeader: true }, account)).toMatchObject({ loggedIn: true })
    expect(heard().subarray(0, 16)).toEqual(LOCAL_PROXY_HEADER)
  })

  it('sends submission one that says LOCAL, and logs in behind it', async () => {
    const { target, heard } = await startServer('yes', '220 mail', smtp)
    const facts = await probeSubmission({ ...target, wantsHeader: true }, account)
    expect(facts).toMatchObject({ loggedIn: true, keywords: ['MAIL', 'XCLIENT', 'AUTH'] })
    expect(heard().subarray(0, 16)).toEqual(LOCAL_PROXY_HEADER)
  })

  it.each([
    ['IMAP', '* OK [CAPABILITY IMAP4rev1 ID] hello', imap, probeImap],
    ['submission', '220 mail', smtp, probeSubmission],
  ] as const)('says what is to be done when there is no such %s server, and sends it no secret', async (_, greeting, answer, probe) => {
    const { target, heard } = await startServer('no', greeting, answer)
    await expect(probe({ ...target, wantsHeader: true }, account)).rejects.toMatchObject({
      code: 'UPSTREAM_LOGIN_FAILED',
      remedy: expect.stringContaining('forward_client = "proxy"'),
    })
    expect(heard().toString('latin1')).not.toMatch(/AUTH|LOGIN|header-marker/)
  })

  it.each([probeImap, probeSubmission])('says when nobody listens', async probe => {
    await expect(probe({ host: '127.0.0.1', port: 1, tls: 'none', ca: undefined, wantsHeader: true }, account)).rejects.toMatchObject({
      code: 'UPSTREAM_LOGIN_FAILED',
      remedy: expect.stringContaining('firewall'),
    })
  })
})
