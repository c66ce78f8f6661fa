import { describe, expect, test } from 'vitest'
import type { MigrationPasswordUse } from '../../store/accounts/migration-passwords.ts'
import { judgeMigrationPasswords } from './check-migration-password.ts'

const DAY_MS = 86_400_000
const now = Date.UTC(2026, 10, 22)

/** A mailbox with so many days left, last used so many days ago. */
function use(address: string, left: number, ago: number | undefined, state: MigrationPasswordUse['state'] = 'legacy'): MigrationPasswordUse {
  const at = now - (ago ?? 0) * DAY_MS
  const lastConnection = { at, ip: '192.0.2.1', protocol: 'imap' as const, app: null, tls: null, node: 'n' as never }
  return { address, until: now + left * DAY_MS, state, devices: 0, lastConnection: ago === undefined ? null : lastConnection, sessions: 0 }
}

describe('migration passwords', () => {
  test('is no subject where no mailbox takes its upstream password, or none any more', () => {
    expect(judgeMigrationPasswords([], now)).toEqual([])
    expect(judgeMigrationPasswords([use('a@example.com', -1, 0, 'expired'), use('b@example.com', 9, 0, 'disabled')], now)).toEqual([])
  })

  test('is a remark while there is time, or nobody uses it any more', () => {
    const uses = [use('a@example.com', 15, 1), use('b@example.com', 20, 8), use('c@example.com', 30, undefined)]
    expect(judgeMigrationPasswords(uses, now)).toEqual([
      {
        check: 'cut-over',
        status: 'ok',
        message: '3 mailboxes take their upstream password too, the first until 2026-12-07 00:00 UTC (in 15 d); 1 used it in the last 7 days.',
        advice: null,
      },
    ])
    expect(judgeMigrationPasswords([use('b@example.com', 2, 8)], now)).toMatchObject([
      { status: 'ok', message: expect.stringContaining('One mailbox takes its upstream password too, until 2026-11-24') },
    ])
  })

  test('is a warning with names from 14 days before the end on', () => {
    const uses = [use('a@example.com', 14, 6), use('b@example.com', 14, 8), use('c@example.com', 15, 1)]
    expect(judgeMigrationPasswords(uses, now)).toMatchObject([{ status: 'warn', message: expect.stringMatching(/within 14 days: a@example\.com\.$/) }])
    const many = Array.from({ length: 13 }, (_, at) => use(`m${at}@example.com`, 1, 0))
    expect(judgeMigrationPasswords(many, now)).toMatchObject([{ message: expect.stringMatching(/m9@example\.com and 3 more\.$/) }])
  })
})
