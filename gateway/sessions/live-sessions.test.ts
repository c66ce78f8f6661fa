import { describe, expect, test } from 'vitest'
import type { DeviceId, MailboxId } from '../../base/ids.ts'
import type { DeviceStatus } from '../../store/schema/login-record.ts'
import { LiveSession, LiveSessions } from './live-sessions.ts'

const CAPS = { perDevice: 2, perMailbox: 3 }

function openTable() {
  const live = new LiveSessions()
  const claim = (device: string, mailbox = 'm1') => {
    const session = new LiveSession({ protocol: 'imap', scope: 'imap', ip: '192.0.2.1', since: 0, end: () => {} })
    live.enter(session)
    const full = live.claim(session, { device: { id: device as DeviceId } as DeviceStatus, mailbox: mailbox as MailboxId }, CAPS)
    return { session, full }
  }
  return { live, claim }
}

describe('sessions at a time', () => {
  test('of one device, and of one mailbox over all its devices', () => {
    const { claim } = openTable()
    expect([claim('phone').full, claim('phone').full, claim('phone').full]).toEqual([undefined, undefined, 'device'])
    expect([claim('laptop').full, claim('laptop').full]).toEqual([undefined, 'mailbox'])
    expect(claim('tablet', 'm2').full).toBeUndefined()
  })

  test('one that could not be claimed has no device', () => {
    const { claim } = openTable()
    claim('phone')
    claim('phone')
    expect(claim('phone').session.device).toBeUndefined()
  })

  test('one that left, or whose login came to nothing, makes room; once', () => {
    const { live, claim } = openTable()
    const [first, second] = [claim('phone').session, claim('phone').session]
    live.leave(first)
    live.leave(first)
    expect(first.device).toBeDefined()
    expect(claim('phone').full).toBeUndefined()
    live.release(second)
    live.leave(second)
    expect(second.device).toBeUndefined()
    expect([claim('phone').full, claim('phone').full]).toEqual([undefined, 'device'])
  })
})
