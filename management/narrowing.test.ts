import { expect, test } from 'vitest'
import type { Device } from '../store/accounts/devices/device-rows.ts'
import type { SendingRule } from '../store/sending/sending-rows.ts'
import { widensSending, widensTerms } from './narrowing.ts'

const device = { scopes: ['imap'], expiresAt: 100, allowFrom: ['10.0.0.0/8', '2001:db8::/32'] } as unknown as Device

test.each([
  ['nothing', {}, false],
  ['the same scopes', { scopes: ['imap'] }, false],
  ['another scope', { scopes: ['imap', 'smtp'] }, true],
  ['an earlier end', { expiresAt: 99 }, false],
  ['a later end', { expiresAt: 101 }, true],
  ['no end', { expiresAt: null }, true],
  ['a part of a network', { allowFrom: ['10.1.0.0/16'] }, false],
  ['one address of it', { allowFrom: ['2001:db8::7'] }, false],
  ['another network', { allowFrom: ['10.1.0.0/16', '192.0.2.0/24'] }, true],
  ['a larger network', { allowFrom: ['10.0.0.0/7'] }, true],
  ['everywhere', { allowFrom: [] }, true],
] as const)('terms: %s', (_, terms, expected) => {
  expect(widensTerms(device, terms)).toBe(expected)
})

test('a device without end and network is only drawn closer', () => {
  const open = { scopes: ['imap'], expiresAt: null, allowFrom: [] } as unknown as Device
  expect(widensTerms(open, { expiresAt: 5, allowFrom: ['0.0.0.0/0'] })).toBe(false)
})

const rule: SendingRule = { maySend: false, senders: ['own', '*@example.com'], checksFrom: true, recipientsPerMessage: 5, recipientsPerDay: null }

test.each([
  ['nothing', {}, false],
  ['the right to send', { maySend: true }, true],
  ['a sender of a domain that is allowed', { senders: ['a@example.com'] }, false],
  ['another sender', { senders: ['a@example.org'] }, true],
  ['any sender', { senders: null }, true],
  ['no look at From', { checksFrom: false }, true],
  ['fewer recipients', { recipientsPerMessage: 4, recipientsPerDay: 100 }, false],
  ['more recipients', { recipientsPerMessage: 6 }, true],
  ['no limit', { recipientsPerMessage: null }, true],
] as const)('sending: %s', (_, changes, expected) => {
  expect(widensSending(rule, changes)).toBe(expected)
})
