import { describe, expect, it, vi } from 'vitest'
import { openTcpPair } from '../listen/tcp-pair-fixture.ts'
import { type LineFilter, serveBySmtpServer } from './smtp-detach.ts'
import { SmtpServerAdapter } from './smtp-server-adapter.ts'

const makeAdapter = () => new SmtpServerAdapter({ hostname: 'mail.example.com', upstreams: [], known: new Map(), onLearnt: () => {} })

async function serve(filter: LineFilter = line => line, greeting: 'greet' | 'silent' = 'greet') {
  const [client, ours] = await openTcpPair()
  const before = new Map(ours.eventNames().map(event => [event, ours.rawListeners(event)]))
  const server = makeAdapter().server
  let said = ''
  client.on('data', chunk => {
    said += chunk
  })
  const served = serveBySmtpServer(server, ours, { filter, greeting, onTooLong: () => ours.destroy(), onBug: error => expect.fail(String(error)) })
  return {
    client,
    ours,
    before,
    server,
    served,
    said: () => said,
    says: (text: string) => vi.waitFor(() => expect(said).toContain(text), { interval: 2, timeout: 5000 }),
  }
}

describe('what is relied on in smtp-server', () => {
  it('connections, _socket, _parser and its error, _onCommand, _sendGreeting, connectionReady', async () => {
    const { server, ours } = await serve()
    expect(server.connections.size).toBe(1)
    const [connection] = server.connections as unknown as Set<Record<string, unknown>>
    expect(connection?._socket).toBe(ours)
    expect(connection?._parser).toMatchObject({ _remainder: '', isClosed: false })
    for (const method of ['_onCommand', '_sendGreeting', 'connectionReady']) expect(typeof connection?.[method]).toBe('function')
  })

  it('greets at once, and not at all when it must not', async () => {
    const first = await serve()
    await first.says('220 mail.example.com ESMTP Mailwicket\r\n')
    const second = await serve(line => line, 'silent')
    second.client.write('NOOP\r\n')
    await second.says('250 ')
    expect(second.said()).not.toContain('220')
  })

  it('serves what the filter passes and not what it takes', async () => {
    const lines: string[] = []
    const { client, says, said } = await serve((line, done) => {
      lines.push(line.toString())
      if (/^(NOOP|HELP)/.test(line.toString())) return line
      done()
      return 'taken'
    })
    client.write('NOOP\r\nAUTH PLAIN AGEAYg==\r\nHELP\r\n')
    await says('214')
    expect(lines).toEqual(['NOOP', 'AUTH PLAIN AGEAYg==', 'HELP'])
    expect(said().match(/^\d{3} /gm)).toEqual(['220 ', '250 ', '214 '])
  })
})

describe('taking the socket back', () => {
  it('leaves no listener, no timer and no connection of smtp-server, and no byte is lost', async () => {
    const { client, ours, before, server, served, says } = await serve((line, done) => {
      if (line.toString() === 'NOOP') done()
      return line
    })
    client.write('HELP\r\n')
    await says('214 ')
    const socket = served.detach()
    expect(socket).toBe(ours)
    expect(server.connections.size).toBe(0)
    expect(ours.timeout ?? 0).toBe(0)
    expect(socket.isPaused()).toBe(true)
    for (const event of socket.eventNames()) expect([event, socket.rawListeners(event)]).toEqual([event, before.get(event) ?? []])
    client.write('MAIL FROM:<a@b>\r\n')
    const next = new Promise(resolve => socket.once('data', chunk => resolve(chunk.toString())))
    socket.resume()
    expect(await next).toBe('MAIL FROM:<a@b>\r\n')
  })

  it.each([
    ['AUTH x\r\n', ['AUTH x'], false],
    ['AUTH x\r\nhalf a line', ['AUTH x'], true],
    ['AUTH x\r\nNOOP\r\n', ['AUTH x', 'NOOP'], true],
  ])('tells after a line that was answered whether more was pipelined: %j', async (text, expected, pipelined) => {
    const lines: string[] = []
    const seen: boolean[] = []
    const { client, served } = await serve((line, done) => {
      lines.push(line.toString())
      // As after AUTH: the parser may go on, and what it finds then came before the reply.
      if (lines.length === 1) {
        done()
        setImmediate(() => seen.push(served.hasPipelined))
      }
      return 'taken'
    })
    client.write(text)
    await vi.waitFor(() => expect(seen).toEqual([pipelined]))
    expect(lines).toEqual(expected)
  })
})
