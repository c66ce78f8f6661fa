/** Every word of the audit, with every fact, in every language: told in sentences, none as the store writes it. */
import { describe, expect, test } from 'vitest'
import { NOTICE_KINDS } from '../../../store/accounts/people/preferences.ts'
import type { AuditEntry } from '../../../store/history/audit.ts'
import { AUDIT_ACTIONS, AUDIT_FACTS, type AuditFact } from '../../../store/schema/audit-words.ts'
import { TOKEN_SCOPES } from '../../../store/schema/rights-and-scopes.ts'
import { makeFormats } from '../../messages/formats.ts'
import { LANGUAGES, messagesOf } from '../../messages/languages.ts'
import { changeRow } from '../../views/activity/activity-rows.ts'
import { galleryContext, NOW } from '../../views/gallery/gallery-context-fixture.ts'
import { toChangeEntry } from './change-entries.ts'

/** What the store writes: words and times; everything else is text of people or a number. */
const VALUES: Partial<Record<AuditFact, readonly unknown[]>> = {
  scopes: [['imap', 'smtp'], [...TOKEN_SCOPES]],
  kind: ['generated', 'chosen', 'imported', 'legacy', ...NOTICE_KINDS, 'invitation', 'start'],
  state: ['active', 'disabled', 'blocked', 'revoked'],
  role: ['admin', 'manager'],
  secret: ['none', 'stored', 'replaced'],
  by: ['password', 'passkey', 'password and totp', 'password and recovery-code', 'password and passkey'],
  rightsSince: ['keep', 'undo'],
  senders: [['own', 'X']],
  endsAt: [NOW + 86_400_000],
  expiresAt: [NOW + 86_400_000, null],
  legacyPasswordUntil: [NOW + 86_400_000],
}
const YES_OR_NO: readonly AuditFact[] = ['use', 'make', 'see', 'send', 'manage', 'maySend', 'checksFrom', 'hashes', 'interrupted', 'authenticator']
const samplesOf = (fact: AuditFact): readonly unknown[] => VALUES[fact] ?? (YES_OR_NO.includes(fact) ? [true, false] : ['X', 7])

const wordsOf = (html: unknown): string =>
  String(html)
    .replace(/<(svg|time)[\s\S]*?<\/\1>/g, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()

const entryOf = (action: string, before: unknown, after: unknown): AuditEntry => ({
  id: 1,
  at: NOW,
  actor: 'X',
  source: 'cli',
  action,
  subject: 'X',
  subjectId: null,
  before: before as AuditEntry['before'],
  after: after as AuditEntry['after'],
})

describe.each(LANGUAGES)('in %s', language => {
  const page = galleryContext({ language })
  const m = messagesOf(language)
  const telling = { m, formats: makeFormats({ language, timeZone: 'UTC', now: NOW }), nameOf: () => 'X' }
  const tell = (entry: AuditEntry) => wordsOf(changeRow(toChangeEntry(entry, telling), 'above', m, page))

  test.each(AUDIT_ACTIONS)('%s has a sentence of its own, and its facts are words', action => {
    expect(tell(entryOf(action, null, null))).not.toContain(wordsOf(m.activity.otherChange('X', 'X')))
    for (const fact of AUDIT_FACTS)
      for (const sample of samplesOf(fact))
        for (const [before, after] of [
          [null, { [fact]: sample }],
          [{ [fact]: null }, { [fact]: sample }],
          [{ [fact]: sample }, { [fact]: null }],
          [{ [fact]: sample }, null],
        ]) {
          const told = tell(entryOf(action, before, after))
          // No word of a program: camelCase, with a dot inside, true, false, null, a number of milliseconds.
          expect([fact, told]).not.toEqual([fact, expect.stringMatching(/[a-z][A-Z]|[a-z]\.[a-z]|\b(?:true|false|null|undefined|imap|smtp)\b|\d{9}/)])
        }
  })

  test('each fact has a label, and each of our words a meaning', () => {
    for (const fact of AUDIT_FACTS) expect(m.factLabels[fact]).toMatch(/^\p{Lu}/u)
    const known = Object.values(VALUES).flatMap(values => (values ?? []).flat())
    for (const word of known.filter(value => typeof value === 'string' && value !== 'X')) expect(Object.keys(m.factWords)).toContain(word)
  })
})

test('a right that was taken away, an end, and the end of a link are told with their time', () => {
  const m = messagesOf('en')
  const telling = { m, formats: makeFormats({ language: 'en', timeZone: 'UTC', now: NOW }), nameOf: () => 'Anna' }
  const tell = (entry: AuditEntry) => wordsOf(changeRow(toChangeEntry(entry, telling), 'above', m, galleryContext()))
  expect(tell({ ...entryOf('mailbox.rights', { use: true }, { use: false }), subject: 'office@example.test/mina' })).toMatch(
    /^Anna changed the rights of mina office@example\.test on the command line May use given devices: yes → no/,
  )
  const endsAt = Date.parse('2026-11-27T07:54:00Z')
  expect(tell(entryOf('invitation.made', null, { kind: 'start', endsAt }))).toContain('valid until 27 Nov, 07:54')
  expect(tell(entryOf('token.added', null, { name: 'backup job', scopes: ['read'] }))).toContain('Anna made the API token backup job')
})
