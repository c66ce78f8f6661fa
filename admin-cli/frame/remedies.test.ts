import { expect, test } from 'vitest'
import { MailwicketError } from '../../base/errors.ts'
import { Problem } from '../../base/problems.ts'
import { remedyFor } from './remedies.ts'

test.each<[string, MailwicketError, string]>([
  ['a database that is not there', new Problem('database.unknown', { path: '/x' }), 'mailwicket init'],
  ['a store that is too old', new Problem('store.too-old', { version: 1, newest: 2 }), 'mailwicket migrate'],
  ['a key that others can read', new Problem('key-file.exposed', { path: '/x/master.key', mode: '0644' }), 'chmod 600 /x/master.key'],
  ['a backup of another key', new Problem('backup.key', { wrong: 'no' }), 'second line'],
  ['a rotation that was disturbed', new Problem('rotation.disturbed', {}), 'key rotate'],
  ['a user who is not there', new Problem('user.unknown', { login: 'zoe' }), 'user add'],
  ['a device with a reserved name', new Problem('migration.name-taken', { mailbox: 'a@b.c', name: 'legacy', id: '3f9k' }), 'device rename 3f9k'],
  ['the device of the migration password', new Problem('migration.device', { mailbox: 'a@b.c', name: 'legacy', wish: '' }), '--legacy-password-until'],
  ['too many passwords of one’s own', new Problem('password.too-many-chosen', { mailbox: 'a@b.c', max: 12 }), '--password-stdin'],
  ['what has no reason', new MailwicketError('STORE_BUSY'), new MailwicketError('STORE_BUSY').remedy],
  ['a reason without a line of its own', new Problem('list.cursor', {}), new MailwicketError('BAD_INPUT').remedy],
])('%s', (_, error, advice) => {
  expect(remedyFor(error)).toContain(advice)
})
