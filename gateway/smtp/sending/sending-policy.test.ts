import { describe, expect, it } from 'vitest'
import type { DeviceId } from '../../../base/ids.ts'
import type { SendingRule } from '../../../store/sending/sending-rows.ts'
import { type CountedRecipient, SendingLedger } from './sending-ledger.ts'
import { makeSendingPolicy } from './sending-policy.ts'

const OPEN: SendingRule = { maySend: true, senders: null, checksFrom: false, recipientsPerMessage: null, recipientsPerDay: null }

interface Rules {
  mailbox?: Partial<SendingRule>
  user?: Partial<SendingRule>
  device?: Partial<SendingRule>
}

function openPolicy(rules: Rules, { sentToday = 0, ledger = new SendingLedger() } = {}) {
  const written: (() => void)[] = []
  const current = (['mailbox', 'user', 'device'] as const).map(of => ({ ...OPEN, ...rules[of], of, subject: `${of}:1`, sentToday }))
  const policy = makeSendingPolicy({
    readTerms: async () => ({ device: 'd1' as DeviceId, own: ['ann@example.com', 'ann.alias@example.com'], rules: current }),
    ledger,
    recordSent: (_, _at, onWritten) => written.push(onWritten),
  })
  return Object.assign(policy, { written })
}

describe('who may send', () => {
  it('lets everybody send as anybody while no rule says otherwise', async () => {
    expect(await openPolicy({}).judgeSender('whoever@example.org')).toBeUndefined()
    expect(openPolicy({}).headerCheck()).toBeUndefined()
  })

  it.each([
    ['mailbox', 'This mailbox'],
    ['user', 'The person'],
    ['device', 'This device'],
  ] as const)('refuses when the %s may not, and says which', async (of, words) => {
    expect(await openPolicy({ [of]: { maySend: false } }).judgeSender('ann@example.com')).toMatch(new RegExp(`^550 5\\.7\\.1 ${words}`))
  })

  it('wants the sender to be allowed by every rule', async () => {
    const policy = openPolicy({ mailbox: { senders: ['own', 'sales@example.com', '*@shop.example'] }, device: { senders: ['own', '*@shop.example'] } })
    for (const allowed of ['ann@example.com', 'Ann@EXAMPLE.com', 'ann.alias@example.com', 'any@shop.example', ''])
      expect(await policy.judgeSender(allowed)).toBeUndefined()
    for (const refused of ['sales@example.com', 'bob@example.com', 'x@evilshop.example', 'x@shop.example.org', 'ann@example.com@evil.org', 'postmaster']) {
      expect(await policy.judgeSender(refused)).toMatch(/^550 5\.7\.1 This device may not send as /)
    }
  })

  it('never lets an address write into the reply', async () => {
    expect(await openPolicy({ device: { senders: ['own'] } }).judgeSender('a\r\n250 ok@x')).toMatch(/^550 5\.7\.1 [^\r\n]*\r\n$/)
  })

  it('checks the From header where a rule asks for it', async () => {
    const policy = openPolicy({ device: { senders: ['own'], checksFrom: true } })
    await policy.judgeSender('ann@example.com')
    expect(policy.headerCheck()?.push(Buffer.from('From: ann@example.com\r\n\r\n'))).toBe('pass')
    expect(policy.headerCheck()?.push(Buffer.from('From: bob@example.com\r\n\r\n'))).toMatchObject({ refused: expect.stringMatching(/^550/) })
  })
})

describe('to how many', () => {
  it('counts the recipients of a message', async () => {
    const policy = openPolicy({ user: { recipientsPerMessage: 3 }, device: { recipientsPerMessage: 2 } })
    await policy.judgeSender('ann@example.com')
    expect(policy.judgeRecipient(1)).toBeTypeOf('object')
    expect(policy.judgeRecipient(2)).toMatch(/^452 4\.5\.3 /)
  })

  it('counts the recipients of a day over all connections: those stored, those accepted but not stored yet, and those in flight', async () => {
    const ledger = new SendingLedger()
    const [one, other] = [1, 2].map(() => openPolicy({ mailbox: { recipientsPerDay: 10 } }, { sentToday: 5, ledger })) as [
      ReturnType<typeof openPolicy>,
      ReturnType<typeof openPolicy>,
    ]
    await one.judgeSender('ann@example.com')
    await other.judgeSender('ann@example.com')
    const ofOne = [0, 1, 2].map(i => one.judgeRecipient(i) as CountedRecipient)
    const ofOther = [0, 1].map(i => other.judgeRecipient(i) as CountedRecipient)
    expect(one.judgeRecipient(3)).toMatch(/^451 4\.7\.1 /)
    expect(await one.judgeMessage()).toBeUndefined()
    // One of them is refused by the upstream, the others are sent: only what was given back is free again.
    ofOther[0]?.release()
    one.recordSent(ofOne)
    expect(one.judgeRecipient(0)).toBeTypeOf('object')
    expect(one.judgeRecipient(1)).toMatch(/^451/)
    for (const onWritten of one.written) onWritten()
    expect(ledger.count('mailbox:1')).toBe(2)
  })

  it('judges the message once more before its data: what others sent meanwhile counts', async () => {
    let sentToday = 0
    const rule = { ...OPEN, recipientsPerDay: 5, of: 'device' as const, subject: 'device:1' }
    const policy = makeSendingPolicy({
      readTerms: async () => ({ device: 'd1' as DeviceId, own: [], rules: [{ ...rule, sentToday }] }),
      ledger: new SendingLedger(),
      recordSent: () => {},
    })
    await policy.judgeSender('ann@example.com')
    expect(policy.judgeRecipient(0)).toBeTypeOf('object')
    sentToday = 5
    expect(await policy.judgeMessage()).toMatch(/^451/)
  })
})
