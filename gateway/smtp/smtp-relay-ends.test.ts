import { describe, expect, it } from 'vitest'
import { checkFromHeader } from './message/from-header.ts'
import { BODY, MESSAGE, obliging, openRelay, UNCOUNTED } from './smtp-relay-fixture.ts'

describe('messages that must not pass', () => {
  it.each(['\n.\n', '\n.\r\n', '\r.\r', '\r\n.\n', '\r\n.\r', '\r\n\0.\r\n'])(
    'a bare-LF end of data %j: refused after its true end, and nothing of a second message reaches the upstream',
    async end => {
      const { client, ended, heard } = openRelay()
      client.write(
        Buffer.from(`${MESSAGE}Subject: x\r\n\r\nhello${end}MAIL FROM:<evil@example.com>\r\nRCPT TO:<x@example.com>\r\nDATA\r\nsmuggled\r\n.\r\n`, 'latin1'),
      )
      expect(await ended).toMatchObject({ message: 'look-alike-end', lastReply: expect.stringMatching(/^554 5\.6\.0 .*\r\n421 /) })
      expect(heard()).not.toMatch(/evil|smuggled|\r\n\.\r\n/)
    },
  )

  it('a sender or recipient that the policy refuses', async () => {
    const { client, heard, says } = openRelay(obliging, {
      judgeSender: async address => (address === 'evil@example.com' ? '550 5.7.1 not you\r\n' : undefined),
      judgeRecipient: count => (count >= 2 ? '452 4.5.3 enough\r\n' : UNCOUNTED),
    })
    client.write('MAIL FROM:<evil@example.com>\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nNOOP\r\n')
    await says('250 ok NOOP')
    expect(heard()).toBe('MAIL FROM:<ann@example.com>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nNOOP\r\n')
  })

  it('a header that is refused: the upstream hears nothing of the message', async () => {
    const { client, ended, heard } = openRelay(obliging, { headerCheck: () => checkFromHeader(() => false) })
    client.write(Buffer.from(`${MESSAGE}${BODY}`, 'latin1'))
    expect(await ended).toMatchObject({ message: 'header-refused', lastReply: expect.stringMatching(/^550 5\.7\.1 .*\r\n421 /) })
    expect(heard()).toBe(MESSAGE)
  })

  it('a header that is held back goes on whole once it is accepted', async () => {
    const { client, heard, says } = openRelay(obliging, { headerCheck: () => checkFromHeader(() => true) })
    const sent = `${MESSAGE}From: ann@example.com\r\n${BODY}`
    for (const letter of sent) client.write(Buffer.from(letter, 'latin1'))
    await says('250 2.0.0 queued')
    expect(heard()).toBe(sent)
  })
})

describe('an upstream that leaves', () => {
  it('in the middle of a message: 451 after the client’s end of data', async () => {
    const { client, upstream, ended, hears, accepted } = openRelay()
    client.write(`${MESSAGE}half of it\r\n`)
    await hears('half of it')
    upstream.destroy()
    client.write('the other half\r\n.\r\n')
    expect(await ended).toMatchObject({ lastReply: expect.stringMatching(/^451 4\.4\.2 .*\r\n421 /) })
    expect(accepted).toEqual([])
  })

  it('after the final dot without an answer: 451', async () => {
    const { upstream, ended, client, hears } = openRelay((line, say) => line !== '.' && obliging(line, say))
    client.write(Buffer.from(`${MESSAGE}${BODY}`, 'latin1'))
    await hears('\r\n.\r\n')
    upstream.destroy()
    expect(await ended).toMatchObject({ lastReply: expect.stringMatching(/^451 /) })
  })

  it('with a refusal in the middle of the data: its words, at the client’s end', async () => {
    const { client, upstream, ended, hears } = openRelay()
    client.write(`${MESSAGE}half of it\r\n`)
    await hears('half of it')
    upstream.write('552 5.3.4 too big\r\n')
    client.write('more\r\n')
    client.write('.\r\n')
    expect(await ended).toMatchObject({ lastReply: expect.stringMatching(/^552 5\.3\.4 too big\r\n421 /) })
  })

  it('with a 250 in the middle of the data: never the app’s answer', async () => {
    const { client, upstream, ended, hears, accepted, refused } = openRelay()
    client.write(`${MESSAGE}half of it\r\n`)
    await hears('half of it')
    upstream.write('250 2.0.0 accepted early\r\n')
    await new Promise(setImmediate)
    client.write('more\r\n.\r\n')
    expect(await ended).toMatchObject({ message: 'upstream-broken', lastReply: expect.stringMatching(/^451 4\.3\.0 .*\r\n421 /) })
    expect(accepted).toEqual([])
    expect(refused).toEqual(['spoke-out-of-turn'])
  })

  it('between commands: its 421, or ours', async () => {
    const first = openRelay()
    first.upstream.end('421 4.4.2 timeout\r\n')
    expect(await first.ended).toMatchObject({ message: 'upstream-closed', lastReply: '421 4.4.2 timeout\r\n' })
    const second = openRelay()
    second.upstream.destroy()
    expect(await second.ended).toMatchObject({ message: 'upstream-closed', lastReply: expect.stringMatching(/^421 4\.4\.2/) })
  })

  it.each(['hello\r\n', `250 ${'x'.repeat(20_000)}\r\n`, `${'250-x\r\n'.repeat(20_000)}`])('or does not speak the protocol', async text => {
    const { client, ended } = openRelay((line, say) => line === 'NOOP' && say(text))
    client.write('NOOP\r\n')
    expect(await ended).toMatchObject({ lastReply: expect.stringMatching(/^421 /) })
  })
})

describe('an end from outside', () => {
  it('after the final dot waits for the upstream’s word, and records it', async () => {
    let release = () => {}
    const { client, relay, ended, hears, accepted, says } = openRelay((line, say) => {
      if (line === '.') release = () => say('250 2.0.0 queued as 9\r\n')
      else obliging(line, say)
    })
    client.write(Buffer.from(`${MESSAGE}${BODY}`, 'latin1'))
    await hears('\r\n.\r\n')
    relay.end('shutdown', '421 4.3.2 restarting\r\n')
    release()
    await says('250 2.0.0 queued as 9')
    expect(await ended).toMatchObject({ message: 'shutdown', lastReply: '421 4.3.2 restarting\r\n' })
    expect(accepted).toHaveLength(1)
  })

  it('a client that leaves after the final dot has sent: it is recorded', async () => {
    let release = () => {}
    const { client, ended, hears, accepted } = openRelay((line, say) => {
      if (line === '.') release = () => say('250 2.0.0 queued as 9\r\n')
      else obliging(line, say)
    })
    client.write(Buffer.from(`${MESSAGE}${BODY}`, 'latin1'))
    await hears('\r\n.\r\n')
    client.destroy()
    await new Promise(setImmediate)
    release()
    expect((await ended).message).toBe('client-closed')
    expect(accepted).toHaveLength(1)
  })

  it('a client that does not read its replies is not read either, and what it sent is recorded all the same', async () => {
    const { client, heard, accepted, hears } = openRelay()
    client.removeAllListeners('data')
    client.pause()
    client.write(Buffer.from(`${MESSAGE}${BODY}${'NOOP\r\n'.repeat(50_000)}`, 'latin1'))
    await hears('NOOP')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(accepted).toHaveLength(1)
    expect(heard().split('NOOP').length).toBeLessThan(40_000)
  })

  it('drops a message before its final dot', async () => {
    const { client, relay, ended, hears, heard } = openRelay()
    client.write(`${MESSAGE}half of it\r\n`)
    await hears('half of it')
    relay.end('revoked', '421 4.7.0 over\r\n')
    client.write('.\r\n')
    expect(await ended).toMatchObject({ message: 'revoked', lastReply: '421 4.7.0 over\r\n' })
    expect(heard()).not.toContain('\r\n.\r\n')
  })

  it('a client that leaves in the middle of a message sends nothing', async () => {
    const { client, ended, hears, heard } = openRelay()
    client.write(`${MESSAGE}half of it\r\n`)
    await hears('half of it')
    client.end('.')
    expect(await ended).toMatchObject({ message: 'client-closed', lastReply: undefined })
    expect(heard()).not.toContain('\r\n.')
  })
})
