import { expect, test } from 'vitest'
import type { MailboxId } from '../../base/ids.ts'
import { Secret } from '../../base/secret.ts'
import type { LoginMailbox } from '../../store/schema/login-record.ts'
import { LIMITS } from '../limits.ts'
import { MigrationMemory, type MigrationServer } from './migration-memory.ts'

const mailbox: LoginMailbox = { id: 'm1' as MailboxId, address: 'ann@example.com', upstream: 'main', login: null, sealedSecret: null, state: 'active' }
const place: MigrationServer = { protocol: 'imap', server: { host: '192.0.2.1', port: 143 } }
const secret = (text: string) => Secret.fromText(text)

test('a refused secret is known for a while, then forgotten', () => {
  let now = 0
  const memory = new MigrationMemory({ now: () => now })
  const key = memory.keyOf(place, mailbox, secret('marker-old'))
  expect(memory.recall(key)).toBeUndefined()
  memory.record(key, 'refused')
  now = LIMITS.migrationRefusedMs - 1
  expect(memory.recall(key)).toBe('refused')
  now = LIMITS.migrationRefusedMs
  expect(memory.recall(key)).toBeUndefined()
})

test('what the upstream said last is what counts', () => {
  const memory = new MigrationMemory()
  const key = memory.keyOf(place, mailbox, secret('marker-old'))
  memory.record(key, 'accepted')
  expect(memory.recall(key)).toBe('accepted')
  memory.record(key, 'refused')
  expect(memory.recall(key)).toBe('refused')
  memory.record(key, 'accepted')
  expect(memory.recall(key)).toBe('accepted')
})

test('another secret, mailbox, login, upstream or protocol is another matter', () => {
  const memory = new MigrationMemory()
  const keys = [
    memory.keyOf(place, mailbox, secret('marker-old')),
    memory.keyOf({ ...place, protocol: 'submission' }, mailbox, secret('marker-old')),
    memory.keyOf({ ...place, server: { host: '192.0.2.2', port: 143 } }, mailbox, secret('marker-old')),
    memory.keyOf({ ...place, server: { host: '192.0.2.1', port: 144 } }, mailbox, secret('marker-old')),
    memory.keyOf(place, mailbox, secret('marker-Old')),
    memory.keyOf(place, { ...mailbox, id: 'm2' as MailboxId }, secret('marker-old')),
    memory.keyOf(place, { ...mailbox, login: 'ann' }, secret('marker-old')),
    memory.keyOf(place, { ...mailbox, upstream: 'other' }, secret('marker-old')),
  ]
  expect(new Set(keys).size).toBe(keys.length)
  // Nobody who has one process's memory can try secrets against another's.
  expect(new MigrationMemory().keyOf(place, mailbox, secret('marker-old'))).not.toBe(keys[0])
})

test('a flood of wrong secrets drives out the oldest of them, and no right one', () => {
  const memory = new MigrationMemory()
  const right = memory.keyOf(place, mailbox, secret('marker-right'))
  memory.record(right, 'accepted')
  const keyOf = (at: number) => memory.keyOf(place, mailbox, secret(`marker-wrong-${at}`))
  for (let at = 0; at <= LIMITS.migrationMemoryEntries; at += 1) memory.record(keyOf(at), 'refused')
  expect(memory.recall(keyOf(0))).toBeUndefined()
  expect(memory.recall(keyOf(1))).toBe('refused')
  expect(memory.recall(right)).toBe('accepted')
})
