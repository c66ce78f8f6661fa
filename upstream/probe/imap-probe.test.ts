import { createServer, type Server } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type DemoUpstream, startDemoUpstream } from '../../admin-cli/demo/demo-upstream.ts'
import { Secret } from '../../base/secret.ts'
import { probeImap } from './imap-probe.ts'
import { targetAt } from './probe-target-fixture.ts'

const account = (text: string) => ({ authzid: '', user: 'ada@example.test', secret: Secret.fromText(text) })

let upstream: DemoUpstream
const servers: Server[] = []

beforeAll(async () => {
  upstream = await startDemoUpstream({ address: 'ada@example.test', password: 'right-marker', port: 0, now: Date.now() })
})
afterAll(() => upstream.close())
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** A server that greets with `greeting` and answers each command by its first word. */
async function startFake(greeting: string, answers: Readonly<Record<string, string>>): Promise<{ port: number; lines: string[] }> {
  const lines: string[] = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.write(`${greeting}\r\n`)
    socket.on('data', data => {
      for (const line of data.toString().split('\r\n').filter(Boolean)) {
        lines.push(line)
        const [tag = '', verb = ''] = line.split(' ')
        const answer = answers[verb.toUpperCase()]
        socket.write(answer === undefined ? `${tag} BAD unknown\r\n` : `${answer.replaceAll('TAG', tag)}\r\n`)
      }
    })
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as { port: number }).port, lines }
}

describe('a probe of an IMAP server', () => {
  it('without an account sees what is offered before a login', async () => {
    const facts = await probeImap(targetAt(upstream.port), undefined)
    expect(facts.loggedIn).toBe(false)
    expect(facts.capabilities).toContain('AUTH=PLAIN')
  })

  it('with the right secret logs in', async () => {
    expect(await probeImap(targetAt(upstream.port), account('right-marker'))).toMatchObject({ loggedIn: true })
  })

  it('passes the server’s own words on when it refuses, never the secret', async () => {
    const failure = await probeImap(targetAt(upstream.port), account('wrong-marker')).catch((error: Error) => error)
    expect(failure).toMatchObject({ code: 'UPSTREAM_LOGIN_FAILED', message: expect.stringContaining('authentication failure') })
    expect(String((failure as Error).message)).not.toContain('wrong-marker')
  })

  it('fails when STARTTLS is asked for and not offered: nothing is sent in the clear', async () => {
    const { port, lines } = await startFake('* OK hello', { CAPABILITY: '* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG OK done' })
    await expect(probeImap(targetAt(port, 'starttls'), account('right-marker'))).rejects.toMatchObject({
      code: 'UPSTREAM_LOGIN_FAILED',
      remedy: expect.stringContaining('STARTTLS'),
    })
    expect(lines.join('\n')).not.toMatch(/AUTHENTICATE|LOGIN/)
  })

  it('fails when the server does not speak TLS, with advice', async () => {
    await expect(probeImap(targetAt(upstream.port, 'implicit'), undefined)).rejects.toMatchObject({
      code: 'UPSTREAM_LOGIN_FAILED',
      remedy: expect.stringContaining('TLS'),
    })
  })

  it('a PREAUTH greeting proves nothing and is a failure', async () => {
    const { port } = await startFake('* PREAUTH hello', { CAPABILITY: '* CAPABILITY IMAP4rev1\r\nTAG OK done', LOGOUT: '* BYE\r\nTAG OK done' })
    await expect(probeImap(targetAt(port), account('right-marker'))).rejects.toMatchObject({ message: expect.stringContaining('PREAUTH') })
    await expect(probeImap(targetAt(port), undefined)).rejects.toMatchObject({ message: expect.stringContaining('PREAUTH') })
  })

  it('never logs in as the master user alone when the server cannot take an authzid', async () => {
    const { port, lines } = await startFake('* OK hello', { CAPABILITY: '* CAPABILITY IMAP4rev1\r\nTAG OK done', LOGIN: 'TAG OK Logged in' })
    const master = { authzid: 'ada@example.test', user: 'gw', secret: Secret.fromText('master-marker') }
    await expect(probeImap(targetAt(port), master)).rejects.toMatchObject({ message: expect.stringContaining('AUTH=PLAIN') })
    expect(lines.join('\n')).not.toMatch(/LOGIN|AUTHENTICATE/)
  })

  it('repeats the words of a refusal without the tag of our command', async () => {
    const { port } = await startFake('* OK hello', { CAPABILITY: '* CAPABILITY IMAP4rev1\r\nTAG OK done', LOGIN: 'TAG NO [AUTHENTICATIONFAILED] No.' })
    await expect(probeImap(targetAt(port), account('right-marker'))).rejects.toMatchObject({
      message: expect.stringMatching(/refused the login of [^ ]+: NO \[AUTHENTICATIONFAILED\] No\.$/),
    })
  })

  it('cuts what a hostile server says, and its control characters', async () => {
    const { port } = await startFake('* OK hello', { CAPABILITY: '* CAPABILITY IMAP4rev1\r\nTAG OK done', LOGIN: `TAG NO \u001b[2J${'x'.repeat(5000)}` })
    const failure = (await probeImap(targetAt(port), account('right-marker')).catch((error: Error) => error)) as Error
    expect(failure.message.length).toBeLessThan(400)
    expect(failure.message).not.toContain('\u001b')
  })

  it('says what to do when nobody listens', async () => {
    await expect(probeImap(targetAt(1), undefined)).rejects.toMatchObject({ code: 'UPSTREAM_LOGIN_FAILED', remedy: expect.stringContaining('firewall') })
  })
})
