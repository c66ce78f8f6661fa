import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DeviceId } from '../../../base/ids.ts'
import type { SendingRule } from '../../../store/sending/sending-rows.ts'
import { openRelay } from '../smtp-relay-fixture.ts'
import { SendingLedger } from './sending-ledger.ts'
import { makeSendingPolicy } from './sending-policy.ts'

const DAY_MS = 86_400_000
const SUBJECTS = ['mailbox:1', 'device:1', 'user:a', 'user:b']
const RULE: SendingRule = { maySend: true, senders: null, checksFrom: false, recipientsPerMessage: null, recipientsPerDay: 12 }

beforeEach(() => {
  // Nothing but the date: the relay's timers are real.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 26, 23, 59, 59) })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('recipients that are not in the store yet', () => {
  it('count on the day on which they were sent, and give back what they took once', () => {
    const ledger = new SendingLedger()
    const [one, other] = [ledger.add(['device:1']), ledger.add(['device:1'])]
    one.sent(Date.now())
    expect(ledger.count('device:1')).toBe(2)
    vi.setSystemTime(Date.now() + 1_000)
    // The day's limit begins anew; what is in flight will count on this one.
    expect(ledger.count('device:1')).toBe(1)
    for (let i = 0; i < 3; i += 1) for (const recipient of [one, other]) recipient.release()
    other.sent(Date.now())
    expect(ledger.count('device:1')).toBe(0)
    expect(ledger.add(['device:1'])).toBeTypeOf('object')
    expect(ledger.count('device:1')).toBe(1)
  })
})

/** What happens next in the life of a relay. */
type Act =
  | { readonly kind: 'client'; readonly says: string }
  | { readonly kind: 'upstream'; readonly says: string }
  | { readonly kind: 'answers'; readonly count: number }
  | { readonly kind: 'client leaves' | 'client resets' | 'upstream leaves' | 'the day ends' | 'store writes' | 'is ended' }
  | { readonly kind: 'linked to'; readonly user: 'user:a' | 'user:b' | undefined }

const MAIL = 'MAIL FROM:<ann@example.com>\r\n'
const RCPT = 'RCPT TO:<bob@example.com>\r\n'
const lines = fc.constantFrom(
  MAIL,
  RCPT,
  `${RCPT}${RCPT}${RCPT}`,
  'DATA\r\n',
  'Subject: x\r\n\r\nx\r\n.\r\n',
  'a\n.\n',
  'RSET\r\n',
  'EHLO x\r\n',
  'NOOP\r\n',
  'QUIT\r\n',
  `${MAIL}${RCPT}${RCPT}DATA\r\n`,
)
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: lines.map(says => ({ kind: 'client', says }) as const) },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 5 }).map(count => ({ kind: 'answers', count }) as const) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('250 out of turn\r\n', '421 good night\r\n', '550-no\r\n550 no\r\n', 'nonsense\r\n')
      .map(says => ({ kind: 'upstream', says }) as const),
  },
  { weight: 3, arbitrary: fc.constantFrom('the day ends', 'store writes').map(kind => ({ kind }) as const) },
  { weight: 1, arbitrary: fc.constantFrom('client leaves', 'client resets', 'upstream leaves', 'is ended').map(kind => ({ kind }) as const) },
  { weight: 2, arbitrary: fc.constantFrom('user:a' as const, 'user:b' as const, undefined).map(user => ({ kind: 'linked to', user }) as const) },
)

/** Lets a relay live through it, then ends it if it has not, lets the store write, and gives the ledger. */
async function live(acts: readonly Act[], replies: readonly string[]): Promise<SendingLedger> {
  const ledger = new SendingLedger()
  const unwritten: (() => void)[] = []
  let user: string | undefined
  const policy = makeSendingPolicy({
    readTerms: async () => {
      const subjects = [
        { of: 'mailbox', subject: 'mailbox:1' },
        { of: 'device', subject: 'device:1' },
        ...(user === undefined ? [] : [{ of: 'user' as const, subject: user }]),
      ] as const
      return { device: 'd1' as DeviceId, own: [], rules: subjects.map(subject => ({ ...RULE, ...subject, sentToday: 0 })) }
    },
    ledger,
    recordSent: (_, _at, onWritten) => unwritten.push(onWritten),
  })
  /** Answers that the upstream owes. */
  const owed: (() => void)[] = []
  let nextReply = 0
  const relay = openRelay(
    (line, say) =>
      void owed.push(() => {
        const reply = replies[nextReply % replies.length] as string
        nextReply += 1
        say(line === 'DATA' && reply.startsWith('250') ? '354 go ahead\r\n' : reply)
      }),
    policy,
    { lateReplyMs: 5, refusalQuietMs: 5, finalReplyMs: 20, finalReplyGraceMs: 2 },
  )
  const turns = async () => {
    for (let i = 0; i < 4; i += 1) await new Promise(setImmediate)
  }
  for (const next of acts) {
    if (next.kind === 'client') relay.client.write(Buffer.from(next.says, 'latin1'))
    else if (next.kind === 'upstream') relay.upstream.write(next.says)
    else if (next.kind === 'answers') for (const answer of owed.splice(0, next.count)) answer()
    else if (next.kind === 'linked to') user = next.user
    else if (next.kind === 'the day ends') vi.setSystemTime(Date.now() + DAY_MS)
    else if (next.kind === 'store writes') for (const written of unwritten.splice(0)) written()
    else if (next.kind === 'client leaves') relay.client.end()
    else if (next.kind === 'client resets') relay.client.destroy()
    else if (next.kind === 'upstream leaves') relay.upstream.end()
    else relay.relay.end('shutdown', '421 shutdown\r\n')
    await turns()
  }
  relay.relay.end('over', '421 over\r\n')
  await relay.ended
  // Answers that come when nobody waits for them any more.
  for (const answer of owed.splice(0)) answer()
  await turns()
  for (const written of unwritten.splice(0)) written()
  return ledger
}

/** Whom something counts for, on any day of those that the relay lived through. */
function stillCounted(ledger: SendingLedger): string[] {
  const today = Date.now()
  return SUBJECTS.filter(subject =>
    Array.from({ length: 32 }, (_, days) => {
      vi.setSystemTime(today - (days - 2) * DAY_MS)
      return ledger.count(subject)
    }).some(count => count !== 0),
  )
}

describe('when a relay is over, nothing of it counts any more', () => {
  it.each<[string, Act[]]>([
    [
      'a client that leaves before the reply to RCPT',
      [{ kind: 'client', says: MAIL }, { kind: 'answers', count: 1 }, { kind: 'client', says: `${RCPT}${RCPT}` }, { kind: 'client resets' }],
    ],
    [
      'an answer that comes after the end',
      [{ kind: 'client', says: MAIL }, { kind: 'answers', count: 1 }, { kind: 'client', says: RCPT }, { kind: 'is ended' }, { kind: 'answers', count: 1 }],
    ],
    [
      'a device that is linked to somebody in between',
      [
        { kind: 'linked to', user: 'user:a' },
        { kind: 'client', says: MAIL },
        { kind: 'answers', count: 1 },
        { kind: 'client', says: `${RCPT}${RCPT}` },
        { kind: 'answers', count: 1 },
        { kind: 'linked to', user: 'user:b' },
        { kind: 'client', says: 'DATA\r\n' },
        { kind: 'answers', count: 2 },
        { kind: 'client resets' },
      ],
    ],
  ])('%s', async (_, acts) => expect(stillCounted(await live(acts, ['250 ok\r\n']))).toEqual([]))

  it('whatever its history, on every day', async () => {
    const replies = fc.array(fc.constantFrom('250 ok\r\n', '250 ok\r\n', '250 ok\r\n', '550 no\r\n', '450 later\r\n'), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), replies, async (acts, answers) => {
        expect(stillCounted(await live(acts, answers))).toEqual([])
      }),
      { numRuns: 400 },
    )
  })
})
