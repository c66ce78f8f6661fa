import { createServer, type Server } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type DemoSubmission, startDemoSubmission } from '../../admin-cli/demo/demo-submission.ts'
import { Secret } from '../../base/secret.ts'
import { targetAt } from './probe-target-fixture.ts'
import { probeSubmission } from './submission-probe.ts'

const account = (text: string) => ({ authzid: '', user: 'ada@example.test', secret: Secret.fromText(text) })
const master = { authzid: 'ada@example.test', user: 'gw', secret: Secret.fromText('master-marker') }

let upstream: DemoSubmission
const servers: Server[] = []
const delivered: Buffer[] = []

beforeAll(async () => {
  const deliver = (message: Buffer) => void delivered.push(message)
  upstream = await startDemoSubmission({ address: 'ada@example.test', password: 'right-marker', port: 0, deliver })
})
afterAll(() => upstream.close())
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** A server that answers EHLO with these keywords and every other verb as told. */
async function startFake(keywords: readonly string[], answers: Readonly<Record<string, string>> = {}): Promise<{ port: number; lines: string[] }> {
  const lines: string[] = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.write('220 hello\r\n')
    socket.on('data', data => {
      for (const line of data.toString().split('\r\n').filter(Boolean)) {
        lines.push(line)
        const verb = line.split(' ')[0]?.toUpperCase() ?? ''
        if (verb === 'EHLO') socket.write(`${['hello', ...keywords].map((word, n) => `250${n === keywords.length ? ' ' : '-'}${word}`).join('\r\n')}\r\n`)
        else socket.write(`${answers[verb] ?? answers.other ?? '502 what?'}\r\n`)
      }
    })
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as { port: number }).port, lines }
}

describe('a probe of a submission server', () => {
  it('without an account sees what is offered', async () => {
    expect(await probeSubmission(targetAt(upstream.port), undefined)).toMatchObject({
      mechanisms: ['PLAIN', 'LOGIN'],
      loggedIn: false,
      keywords: expect.arrayContaining(['AUTH']),
    })
  })

  it('with the right secret logs in and sends nothing', async () => {
    expect(await probeSubmission(targetAt(upstream.port), account('right-marker'))).toMatchObject({ loggedIn: true })
    expect(delivered).toEqual([])
  })

  it('passes the server’s own words on when it refuses, once, never the secret', async () => {
    const failure = await probeSubmission(targetAt(upstream.port), account('wrong-marker')).catch((error: Error) => error)
    expect(failure).toMatchObject({
      code: 'UPSTREAM_LOGIN_FAILED',
      message: expect.stringMatching(/refused the login of ada@example\.test: 535 Wrong user name or password$/),
    })
    expect(JSON.stringify([failure, String((failure as Error).cause)])).not.toMatch(/wrong-marker|d3JvbmctbWFya2Vy/)
  })

  it('takes AUTH LOGIN where there is no PLAIN', async () => {
    const { port, lines } = await startFake(['AUTH LOGIN'], { AUTH: '334 VXNlcm5hbWU6', other: '235 2.7.0 in' })
    expect(await probeSubmission(targetAt(port), account('right-marker'))).toMatchObject({ loggedIn: true })
    expect(lines.filter(line => !line.startsWith('EHLO'))).toEqual(['AUTH LOGIN', Buffer.from('ada@example.test').toString('base64')])
  })

  it('names the mailbox beside the master user, in AUTH PLAIN only', async () => {
    const plain = await startFake(['AUTH LOGIN PLAIN'], { AUTH: '235 2.7.0 in' })
    expect(await probeSubmission(targetAt(plain.port), master)).toMatchObject({ loggedIn: true })
    const sent = plain.lines.find(line => line.startsWith('AUTH PLAIN '))?.split(' ')[2] ?? ''
    expect(Buffer.from(sent, 'base64').toString()).toBe('ada@example.test\0gw\0master-marker')
    const login = await startFake(['AUTH LOGIN'], { AUTH: '235 2.7.0 in' })
    await expect(probeSubmission(targetAt(login.port), master)).rejects.toMatchObject({ message: expect.stringContaining('AUTH PLAIN') })
    expect(login.lines.join('\n')).not.toMatch(/^AUTH/m)
  })

  it.each([
    ['no AUTH at all', ['SIZE 1000'], 'does not offer AUTH'],
    ['only mechanisms that the gateway does not speak', ['AUTH GSSAPI CRAM-MD5'], 'offers neither AUTH PLAIN nor LOGIN'],
  ])('fails for %s', async (_, keywords, words) => {
    const { port, lines } = await startFake(keywords)
    for (const one of [undefined, account('right-marker')]) {
      await expect(probeSubmission(targetAt(port), one)).rejects.toMatchObject({
        message: expect.stringContaining(words),
        remedy: expect.stringContaining('587'),
      })
    }
    expect(lines.join('\n')).not.toMatch(/^AUTH/m)
  })

  it('fails when STARTTLS is asked for and not offered: nothing is sent in the clear', async () => {
    const { port, lines } = await startFake(['AUTH PLAIN'], { AUTH: '235 in' })
    await expect(probeSubmission(targetAt(port, 'starttls'), account('right-marker'))).rejects.toMatchObject({
      code: 'UPSTREAM_LOGIN_FAILED',
      remedy: expect.stringMatching(/STARTTLS.*465/),
    })
    expect(lines.join('\n')).not.toMatch(/^AUTH/m)
  })

  it('fails when the server does not speak TLS, with advice', async () => {
    await expect(probeSubmission(targetAt(upstream.port, 'implicit'), undefined)).rejects.toMatchObject({
      code: 'UPSTREAM_LOGIN_FAILED',
      remedy: expect.stringContaining('does not speak TLS on this port'),
    })
  })

  it('cuts what a hostile server says, and its control characters', async () => {
    const { port } = await startFake(['AUTH PLAIN'], { AUTH: `535 \u001b[2J${'x'.repeat(5000)}` })
    const failure = (await probeSubmission(targetAt(port), account('right-marker')).catch((error: Error) => error)) as Error
    expect(failure.message.length).toBeLessThan(400)
    expect(failure.message).not.toContain('\u001b')
  })

  it('says what to do when nobody listens', async () => {
    await expect(probeSubmission(targetAt(1), undefined)).rejects.toMatchObject({ code: 'UPSTREAM_LOGIN_FAILED', remedy: expect.stringContaining('firewall') })
  })
})
