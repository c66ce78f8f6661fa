import { readdirSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { probeInbox } from './imap-probe.ts'
import { targetAt } from './probe-target-fixture.ts'

const login = { authzid: '', user: 'ada@example.test', secret: Secret.fromText('inbox-marker') }
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** A server that lets everybody in; `answers` to what comes after the login, by verb. */
async function startServer(answers: Readonly<Record<string, string>>): Promise<{ port: number; verbs: string[] }> {
  const verbs: string[] = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.write('* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n')
    let unread = ''
    socket.on('data', data => {
      unread += data.toString()
      for (let end = unread.indexOf('\r\n'); end >= 0; end = unread.indexOf('\r\n')) {
        const [tag = '', verb = ''] = unread.slice(0, end).split(' ')
        unread = unread.slice(end + 2)
        verbs.push(verb.toUpperCase())
        const answer = answers[verb.toUpperCase()] ?? USUAL[verb.toUpperCase()] ?? 'TAG OK done\r\n'
        socket.write(answer.replaceAll('TAG', tag))
      }
    })
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as { port: number }).port, verbs }
}

const USUAL: Readonly<Record<string, string>> = {
  AUTHENTICATE: 'TAG OK [CAPABILITY IMAP4rev1 ID] in\r\n',
  CAPABILITY: '* CAPABILITY IMAP4rev1 ID\r\nTAG OK done\r\n',
  LIST: '* LIST () "/" INBOX\r\nTAG OK done\r\n',
  LSUB: 'TAG OK done\r\n',
  SELECT: '* 3 EXISTS\r\n* 0 RECENT\r\n* FLAGS ()\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 4] ok\r\nTAG OK [READ-WRITE] done\r\n',
  LOGOUT: '* BYE bye\r\nTAG OK done\r\n',
}

describe('a look into INBOX after our own login', () => {
  it('lists the folders and opens it over the same connection', async () => {
    const { port, verbs } = await startServer({})
    const facts = await probeInbox(targetAt(port), login)
    expect(facts).toEqual({ capabilities: ['IMAP4REV1', 'ID'], loggedIn: true })
    expect(verbs.filter(verb => verb === 'AUTHENTICATE' || verb === 'LOGIN')).toEqual(['AUTHENTICATE'])
    expect(verbs).toEqual(expect.arrayContaining(['ID', 'LIST', 'SELECT']))
    expect(readdirSync(tmpdir()).filter(name => name.startsWith('mailwicket-inbox-'))).toEqual([])
  })

  it('tells the words of a server that does not open it', async () => {
    const { port } = await startServer({ SELECT: 'TAG NO SELECT Unsafe Login. Please contact us.\r\n' })
    expect(await probeInbox(targetAt(port), login)).toMatchObject({ loggedIn: true, inboxProblem: expect.stringContaining('Unsafe Login') })
  })

  it('says in our words that a server leaves', async () => {
    const { port } = await startServer({ LIST: '* BYE no\r\n' })
    const { inboxProblem } = await probeInbox(targetAt(port), login)
    expect(inboxProblem).not.toMatch(/undefined|premature|connection not available/i)
  }, 60_000)
})
