/** A relay between a client and an upstream that the test plays, over pairs of streams. */
import { duplexPair } from 'node:stream'
import { expect, vi } from 'vitest'
import { Wire } from '../../base/sockets/wire.ts'
import { LIMITS, type Limits } from '../limits.ts'
import type { CountedRecipient } from './sending/sending-ledger.ts'
import type { SendingPolicy } from './sending/sending-policy.ts'
import { SmtpRelay } from './smtp-relay.ts'
import type { AcceptedMessage, SentMessage } from './smtp-transaction.ts'

export const UNCOUNTED: CountedRecipient = { sent: () => {}, release: () => {} }

export const ANYTHING: SendingPolicy = {
  judgeSender: async () => undefined,
  judgeRecipient: () => UNCOUNTED,
  judgeMessage: async () => undefined,
  headerCheck: () => undefined,
  recordSent: () => {},
}

export type Answer = (line: string, say: (text: string) => void) => void

/** An upstream that accepts everything. */
export const obliging: Answer = (line, say) => {
  if (line === 'DATA') say('354 go ahead\r\n')
  else if (line === '.') say('250 2.0.0 queued as 1\r\n')
  else if (line === 'QUIT') say('221 bye\r\n')
  else if (/^[A-Z]{4}/.test(line)) say(`250 ok ${line}\r\n`)
}

/** A relay between a client and an upstream that the test plays; in the data the upstream's script hears only the final dot. */
export function openRelay(answer: Answer = obliging, policy: Partial<SendingPolicy> = {}, limits: Partial<Limits> = {}) {
  const [ours, client] = duplexPair()
  const [theirs, upstream] = duplexPair()
  const accepted: AcceptedMessage[] = []
  const refused: string[] = []
  const uncertain: SentMessage[] = []
  let said = ''
  let heard = ''
  client.on('data', chunk => {
    said += chunk.toString('latin1')
  })
  client.on('error', () => {})
  upstream.on('error', () => {})
  let rest = ''
  let inData = false
  upstream.on('data', chunk => {
    heard += chunk.toString('latin1')
    rest += chunk.toString('latin1')
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const line = rest.slice(0, end)
      rest = rest.slice(end + 2)
      if (inData && line !== '.') continue
      inData = false
      answer(line, text => {
        inData = text.startsWith('354')
        upstream.write(Buffer.from(text, 'latin1'))
      })
    }
  })
  const relay = new SmtpRelay({
    client: new Wire(ours, 64 * 1024),
    upstream: new Wire(theirs, 64 * 1024),
    policy: { ...ANYTHING, ...policy },
    limits: { ...LIMITS, ...limits },
    greetings: { ehlo: '250-our list\r\n250 SIZE\r\n', helo: '250 us\r\n' },
    onAccepted: message => accepted.push(message),
    onRefused: what => refused.push(what),
    onUncertain: message => uncertain.push(message),
    onUpstreamFailure: ({ reason }) => refused.push(reason),
  })
  const ended = relay.run()
  return {
    client,
    upstream,
    relay,
    ended,
    accepted,
    refused,
    uncertain,
    said: () => said,
    heard: () => heard,
    hears: (text: string) => vi.waitFor(() => expect(heard).toContain(text), { interval: 2, timeout: 10_000 }),
    says: (text: string) => vi.waitFor(() => expect(said).toContain(text), { interval: 2, timeout: 10_000 }),
  }
}

export const MESSAGE = 'MAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n'
export const BODY = 'Subject: x\r\n\r\n..dots\r\n\u00ff\u0000 8-bit\r\n.\r\n'
