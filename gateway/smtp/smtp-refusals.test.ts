/**
 * A message that nobody wants any more: whatever made it so, and whatever its sender does then, there is one reply in time where somebody hears it,
 * and one cause in the log, the first.
 */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { LIMITS } from '../limits.ts'
import { checkFromHeader } from './message/from-header.ts'
import type { SendingPolicy } from './sending/sending-policy.ts'
import { BODY, MESSAGE, obliging, openRelay } from './smtp-relay-fixture.ts'

afterEach(() => void vi.useRealTimers())

type Relay = ReturnType<typeof openRelay>

interface Refusal {
  /** What the client sends of its message. */
  readonly sent: string
  readonly policy?: Partial<SendingPolicy>
  readonly happens?: (relay: Relay) => void
  readonly why: string
  readonly reply: RegExp
  /** The lines of the log before `session.end`. */
  readonly logged: readonly string[]
}

const refusals: Readonly<Record<string, Refusal>> = {
  'a bare-LF end of data': { sent: 'x\n.\n', why: 'look-alike-end', reply: /^554 5\.6\.0 .*\r\n421 /, logged: ['message'] },
  'a bare-LF end of data of a real scanner': { sent: 'From: a@b\n\nscan\n.\n', why: 'look-alike-end', reply: /^554 5\.6\.0 /, logged: ['message'] },
  'a header that is refused': {
    sent: 'From: boss@example.com\r\n\r\nx\r\n',
    policy: { headerCheck: () => checkFromHeader(() => false) },
    why: 'header-refused',
    reply: /^550 5\.7\.1 .*\r\n421 /,
    logged: ['message'],
  },
  'the upstream leaves': {
    sent: 'half of it\r\n',
    happens: ({ upstream }) => void upstream.destroy(),
    why: 'upstream-closed',
    reply: /^451 4\.4\.2 .*not accepted\r\n421 /,
    logged: ['closed'],
  },
  'the upstream refuses half-way': {
    sent: 'half of it\r\n',
    happens: ({ upstream }) => void upstream.write('552 5.3.4 too big\r\n'),
    why: 'upstream-closed',
    reply: /^552 5\.3\.4 too big\r\n421 /,
    logged: ['closed'],
  },
  'the upstream accepts half-way': {
    sent: 'half of it\r\n',
    happens: ({ upstream }) => void upstream.write('250 2.0.0 early\r\n'),
    why: 'upstream-broken',
    reply: /^451 4\.3\.0 /,
    logged: ['spoke-out-of-turn'],
  },
  'the upstream speaks another protocol': {
    sent: 'half of it\r\n',
    happens: ({ upstream }) => void upstream.write('* OK\r\n'),
    why: 'upstream-broken',
    reply: /^421 4\.3\.0 /,
    logged: ['not-the-protocol'],
  },
}

const behaviours: Readonly<Record<string, (relay: Relay) => void>> = {
  'goes on': ({ client }) => void client.write('the rest\r\n.\r\n'),
  'goes on without an end': ({ client }) => void client.write('the rest'),
  stalls: () => {},
  leaves: ({ client }) => void client.end(),
  'is cut off': ({ client }) => void client.destroy(),
}

async function begin({ sent, policy = {}, happens }: Refusal): Promise<Relay> {
  const relay = openRelay(obliging, policy, { refusalQuietMs: 20 })
  relay.client.write(MESSAGE)
  await relay.says('354')
  relay.client.write(sent)
  if (happens === undefined) return relay
  await relay.hears(sent)
  happens(relay)
  await new Promise(setImmediate)
  return relay
}

describe.each(Object.entries(refusals))('%s', (_name, refusal) => {
  it.each(Object.entries(behaviours))('and the client %s', async (_behaviour, behave) => {
    const relay = await begin(refusal)
    behave(relay)
    const end = await relay.ended
    expect(end.message).toBe(refusal.why)
    expect(end.lastReply).toMatch(refusal.reply)
    expect(relay.refused).toEqual(refusal.logged)
    expect([relay.accepted, relay.uncertain]).toEqual([[], []])
    expect(relay.heard()).not.toContain('\r\n.\r\n')
  })
})

it('a client that goes on sending a refused message is read for as long as it takes', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const relay = openRelay()
  let isOver = false
  void relay.ended.then(() => {
    isOver = true
  })
  relay.client.write(`${MESSAGE}x\n.\n`)
  await vi.waitFor(() => expect(relay.refused).toEqual(['message']))
  for (let count = 0; count < 10; count += 1) {
    relay.client.write('more\r\n')
    await vi.advanceTimersByTimeAsync(LIMITS.refusalQuietMs - 1)
    expect(isOver).toBe(false)
  }
  relay.client.write('.\r\n')
  expect((await relay.ended).lastReply).toMatch(/^554 /)
})

describe('the final dot has gone out, and nobody says what became of the message', () => {
  const silent = (line: string, say: (text: string) => void) => line !== '.' && obliging(line, say)
  const ends: Readonly<Record<string, readonly [string, (relay: Relay) => void, RegExp]>> = {
    'the upstream closes': ['upstream-closed', ({ upstream }) => void upstream.end(), /^451 /],
    'the upstream is cut off': ['upstream-closed', ({ upstream }) => void upstream.destroy(), /^451 /],
    'the upstream speaks another protocol': ['upstream-broken', ({ upstream }) => void upstream.write('* BYE\r\n'), /^451 /],
    'the upstream says nothing': ['upstream-silent', () => {}, /^451 /],
    'the device is revoked': ['revoked', ({ relay }) => relay.end('revoked', '421 4.7.0 over\r\n'), /^421 4\.7\.0 over/],
  }

  it.each(Object.entries(ends))('%s', async (_name, [why, act, reply]) => {
    const relay = openRelay(silent, {}, { finalReplyMs: 200, finalReplyGraceMs: 20 })
    relay.client.write(Buffer.from(`${MESSAGE}${BODY}`, 'latin1'))
    await relay.hears('\r\n.\r\n')
    act(relay)
    const end = await relay.ended
    expect(end.message).toBe(why)
    expect(end.lastReply).toMatch(reply)
    expect(end.lastReply).not.toContain('not accepted')
    expect(relay.uncertain).toEqual([{ sender: 'ann@example.com', recipients: ['bob@example.com'], recipientCount: 1, bytes: BODY.length }])
    expect(relay.accepted).toEqual([])
  })

  it('the client leaves too: it is told of all the same', async () => {
    const relay = openRelay(silent)
    relay.client.write(Buffer.from(`${MESSAGE}${BODY}`, 'latin1'))
    await relay.hears('\r\n.\r\n')
    relay.client.destroy()
    await new Promise(setImmediate)
    relay.upstream.destroy()
    expect((await relay.ended).message).toBe('upstream-closed')
    expect(relay.uncertain).toHaveLength(1)
  })
})

describe('an upstream that does not answer is not waited for without end', () => {
  it.each(['stays', 'leaves', 'is cut off'])('QUIT, and the client %s', async what => {
    const relay = openRelay((line, say) => line !== 'QUIT' && obliging(line, say), {}, { lateReplyMs: 20 })
    relay.client.write('QUIT\r\n')
    await relay.hears('QUIT')
    if (what === 'leaves') relay.client.end()
    if (what === 'is cut off') relay.client.destroy()
    expect(await relay.ended).toMatchObject({ message: expect.stringMatching(/^(quit|client-closed)$/) })
  })

  it.each(['NOOP\r\n', 'MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n', 'DATA\r\n', 'NOOP\r\n'.repeat(200)])('%j, and the client leaves', async text => {
    const relay = openRelay(() => {}, {}, { lateReplyMs: 20 })
    relay.client.write(text)
    await relay.hears(text.slice(0, 4))
    relay.client.end()
    expect((await relay.ended).message).toBe('client-closed')
  })
})
