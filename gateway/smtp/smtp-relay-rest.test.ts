/** A relay that is to end as soon as it has a pause: when the gateway stops, no message in flight is lost and none is begun. */
import { describe, expect, it } from 'vitest'
import { type Answer, BODY, MESSAGE, obliging, openRelay } from './smtp-relay-fixture.ts'
import { REPLIES } from './smtp-replies.ts'

const GOODBYE = { message: 'shutdown', lastReply: REPLIES.shutdown }

describe('endAtRest', () => {
  it('an idle relay ends at once', async () => {
    const { relay, ended, client, says } = openRelay()
    client.write('NOOP\r\n')
    await says('250 ok NOOP')
    relay.endAtRest('shutdown', REPLIES.shutdown)
    expect(await ended).toMatchObject(GOODBYE)
  })

  it.each([
    ['after MAIL', 1, '250 ok MAIL'],
    ['after RCPT', 2, '250 ok RCPT'],
    ['after DATA', 3, '354'],
  ] as const)('asked %s: the message is finished first, then 421', async (_name, lines, reply) => {
    const { relay, ended, client, says, accepted } = openRelay()
    const commands = MESSAGE.split('\r\n').slice(0, 3)
    for (const line of commands.slice(0, lines)) client.write(`${line}\r\n`)
    await says(reply)
    relay.endAtRest('shutdown', REPLIES.shutdown)
    for (const line of commands.slice(lines)) client.write(`${line}\r\n`)
    client.write(Buffer.from(BODY, 'latin1'))
    expect(await ended).toMatchObject(GOODBYE)
    await says('250 2.0.0 queued as 1\r\n')
    expect(accepted).toHaveLength(1)
  })

  it('asked after the dot: the answer of the upstream comes first', async () => {
    let sayQueued = () => {}
    const slow: Answer = (line, say) => {
      if (line !== '.') return obliging(line, say)
      sayQueued = () => say('250 2.0.0 queued late\r\n')
    }
    const { relay, ended, client, hears, says, accepted } = openRelay(slow)
    client.write(Buffer.from(`${MESSAGE}${BODY}`, 'latin1'))
    await hears('\r\n.\r\n')
    relay.endAtRest('shutdown', REPLIES.shutdown)
    sayQueued()
    expect(await ended).toMatchObject(GOODBYE)
    await says('250 2.0.0 queued late\r\n')
    expect(accepted).toHaveLength(1)
  })

  it('a second message that is already on its way is not begun', async () => {
    const { relay, ended, client, says, accepted, heard } = openRelay()
    client.write(MESSAGE)
    await says('354')
    relay.endAtRest('shutdown', REPLIES.shutdown)
    client.write(Buffer.from(`${BODY}MAIL FROM:<second@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n`, 'latin1'))
    expect(await ended).toMatchObject(GOODBYE)
    expect(accepted).toHaveLength(1)
    expect(heard()).not.toContain('second')
  })

  it.each([
    ['RSET', 'RSET', '250 ok RSET'],
    ['a refused message', '.', '550 5.7.1 no'],
  ])('a transaction that ends by %s is a pause', async (_name, last, reply) => {
    const refusing: Answer = (line, say) => (line === '.' ? say('550 5.7.1 no\r\n') : obliging(line, say))
    const { relay, ended, client, says } = openRelay(refusing)
    client.write(last === '.' ? MESSAGE : 'MAIL FROM:<>\r\n')
    await says(last === '.' ? '354' : '250 ok MAIL')
    relay.endAtRest('shutdown', REPLIES.shutdown)
    client.write(`${last}\r\n`)
    expect(await ended).toMatchObject(GOODBYE)
    await says(reply)
  })

  it('a sender that the upstream refuses begins nothing', async () => {
    const refusing: Answer = (line, say) => (line.startsWith('MAIL') ? say('550 5.1.8 no\r\n') : obliging(line, say))
    const { relay, ended, client, says } = openRelay(refusing)
    client.write('MAIL FROM:<ann@example.com>\r\n')
    await says('550 5.1.8')
    relay.endAtRest('shutdown', REPLIES.shutdown)
    expect(await ended).toMatchObject(GOODBYE)
  })
})
