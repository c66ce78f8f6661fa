/** Whoever ends a relay about the moment in which the final dot goes out: what the server has whole is recorded, or told as uncertain. */
import { describe, expect, it, vi } from 'vitest'
import { Wire } from '../../base/sockets/wire.ts'
import { LIMITS } from '../limits.ts'
import { openClientLeg, openUpstreamLeg, type Reads } from '../wire/leg-fixture.ts'
import { SmtpRelay } from './smtp-relay.ts'
import { ANYTHING, MESSAGE } from './smtp-relay-fixture.ts'

const LINE = Buffer.from(`${'x'.repeat(76)}\r\n`)
const END = 'end\r\n.\r\n'

async function openRelayOverTls(reads: Reads, tls: 'plain' | 'tls') {
  const [app, server] = [await openClientLeg('tls', reads), await openUpstreamLeg(tls, reads)]
  let heard = ''
  let isInData = false
  let queued = 0
  let said = ''
  app.peer.on('data', chunk => {
    said += chunk
  })
  server.peer.on('data', (chunk: Buffer) => {
    heard = (heard + chunk.toString('latin1')).slice(-100)
    if (!isInData && heard.endsWith('DATA\r\n')) {
      isInData = true
      server.peer.write('250 ok\r\n250 ok\r\n354 go\r\n')
    } else if (isInData && heard.endsWith(END)) {
      isInData = false
      queued += 1
      server.peer.write('250 2.0.0 queued\r\n')
    }
  })
  const isServerDone = new Promise<void>(resolve => {
    for (const event of ['end', 'close', 'error']) server.peer.once(event, () => resolve())
  })
  const recorded = { counted: 0, released: 0, accepted: 0, uncertain: 0 }
  const relay = new SmtpRelay({
    client: new Wire(app.ours, LIMITS.commandBytes),
    upstream: new Wire(server.ours, LIMITS.commandBytes),
    policy: {
      ...ANYTHING,
      judgeRecipient: () => ({ sent: () => void recorded.counted++, release: () => void recorded.released++ }),
      recordSent: recipients => {
        for (const one of recipients) one.sent(0)
      },
    },
    limits: LIMITS,
    greetings: { ehlo: '250 x\r\n', helo: '250 x\r\n' },
    onAccepted: () => void recorded.accepted++,
    onUncertain: () => void recorded.uncertain++,
    onRefused: () => {},
    onUpstreamFailure: () => {},
  })
  const ended = relay.run()
  app.peer.write(MESSAGE)
  await vi.waitFor(() => expect(said).toContain('354'), { timeout: 10_000, interval: 2 })
  return {
    app: app.peer,
    server: server.ours,
    relay,
    /** How often the server had the message to its end, and what we know of it. */
    finish: async () => {
      await ended
      server.ours.destroySoon()
      await isServerDone
      return { queued, ...recorded }
    },
  }
}

const message = (bytes: number) => Buffer.concat([Buffer.alloc(bytes - (bytes % LINE.length), LINE), Buffer.from(END)])
const SIZES = [20_000, 90_000, 400_000]
const ways = (['shared', 'own'] satisfies Reads[]).flatMap(reads =>
  (['plain', 'tls'] as const).flatMap(tls => SIZES.map(bytes => [reads, tls, bytes] as const)),
)

describe.each(ways)('memory %s, upstream %s, %i bytes', (reads, tls, bytes) => {
  it.each(['end', 'destroySoon'] as const)('an app that closes right behind its dot, by %s', async close => {
    const { app, finish } = await openRelayOverTls(reads, tls)
    app.write(message(bytes))
    app[close]()
    const { queued, accepted, uncertain, counted, released } = await finish()
    expect(accepted + uncertain).toBe(queued)
    expect([counted, released]).toEqual([accepted, 1 - accepted])
  })

  it.each([0, 1, 12])('a device that is revoked %i ticks behind the write of the dot', async ticks => {
    const { app, server, relay, finish } = await openRelayOverTls(reads, tls)
    const write = server.write.bind(server) as (bytes: Buffer, done?: () => void) => boolean
    server.write = ((data: Buffer, done?: () => void) => {
      const isTaken = write(data, done)
      const revoke = (left: number) => (left === 0 ? relay.end('revoked', '421 4.7.0 revoked\r\n') : process.nextTick(revoke, left - 1))
      if (data.subarray(-3).toString() === '.\r\n') revoke(ticks)
      return isTaken
    }) as typeof server.write
    app.write(message(bytes))
    const { queued, accepted, uncertain, counted } = await finish()
    expect([accepted + uncertain, counted]).toEqual([queued, accepted])
  })
})
