import { describe, expect, test } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { checkChosenPassword, generateAppPassword, looksGenerated, normaliseSecret } from './app-password.ts'

const read = (secret: Secret): string => secret.reveal().toString('utf8')
const normalised = (text: string): string => read(normaliseSecret(Secret.fromText(text)))

describe('a generated app password', () => {
  test('has five groups of four letters without look-alikes', () => {
    for (let round = 0; round < 200; round++) expect(read(generateAppPassword())).toMatch(/^([a-km-np-z2-9]{4}-){4}[a-km-np-z2-9]{4}$/)
  })

  test('is another one each time, and every letter of 32 occurs', () => {
    const made = Array.from({ length: 500 }, () => read(generateAppPassword()))
    expect(new Set(made).size).toBe(500)
    expect(new Set(made.join('').replaceAll('-', '')).size).toBe(32)
  })

  test.each([
    ['as printed', 'k7mq-x2pd-9rtf-h4wz-c8nb'],
    ['without dashes', 'k7mqx2pd9rtfh4wzc8nb'],
    ['with spaces', 'k7mq x2pd 9rtf h4wz c8nb'],
    ['in capitals', 'K7MQ-X2PD-9RTF-H4WZ-C8NB'],
    ['with white space of a paste', '  k7mq-x2pd-9rtf-h4wz-c8nb\r\n'],
    ['with a line end and a TAB', '\tk7mq-x2pd-9rtf-h4wz-c8nb\n'],
    ['with hard spaces around', '\u00a0k7mq-x2pd-9rtf-h4wz-c8nb\u00a0'],
    ['with zero-width spaces and word joiners', '\ufeffk7mq\u200b-x2pd\u2060-9rtf-\u200ch4wz-c8nb\u200b'],
    ['with soft hyphens', 'k7mq\u00adx2pd\u00ad9rtf\u00adh4wz\u00adc8nb'],
    ['with marks of direction', '\u202ak7mq-x2pd-9rtf-h4wz-c8nb\u202c\u200e\u2066\u2069'],
    ['with something unseen behind each letter', [...'k7mq-x2pd-9rtf-h4wz-c8nb'].join('\u200b\u2060')],
    ['with the long dashes and hard spaces of a phone', 'K7mq–x2pd—9rtf\u00a0h4wz‑c8nb'],
  ])('is accepted %s', (_how, text) => {
    expect(normalised(text)).toBe('k7mqx2pd9rtfh4wzc8nb')
  })
})

describe('any other secret', () => {
  test.each([
    ['one letter less', 'k7mq-x2pd-9rtf-h4wz-c8n'],
    ['one letter more', 'k7mq-x2pd-9rtf-h4wz-c8nbb'],
    ['a letter that none has', 'k7mq-x2pd-9rtf-h4wz-c8n0'],
    ['a chosen one with something unseen', '\u200bMy\u00adHorse\u2060Battery\u200e'],
    ['a chosen one', ' My Horse-Battery Staple '],
    ['a megabyte of dashes', '-'.repeat(1_000_000)],
  ])('is taken exactly as it was sent: %s', (_what, text) => {
    expect(normalised(text) === text).toBe(true)
  })

  test('bytes that are no text stay the same bytes', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x61])
    expect(normaliseSecret(Secret.fromBytes(bytes)).reveal()).toEqual(bytes)
  })

  test('a letter whose lower case is ASCII does not make it look generated', () => {
    // The Kelvin sign folds to "k".
    expect(looksGenerated(Secret.fromText('\u212a7mq-x2pd-9rtf-h4wz-c8nb'))).toBe(false)
  })
})

describe('a chosen app password', () => {
  const about = { address: 'annabella@example.com', deviceName: 'Annabellas grosses Telefon', generatedOnly: false }
  const check = (text: string, changes = {}): void => checkChosenPassword(Secret.fromText(text), { ...about, ...changes })

  test.each(['correct horse battery', 'x'.repeat(16), '~'.repeat(128)])('may be %s', text => {
    expect(() => check(text)).not.toThrow()
  })

  test.each([
    ['x'.repeat(15), /15 characters: use 16 or more/],
    ['x'.repeat(129), /129 characters: use 128 or fewer/],
    ['', /0 characters/],
    ['pässwörter sind schön', /not every mail app can send/],
    ['tab\tinside the secret', /not every mail app can send/],
    ['k7mq x2pd 9rtf h4wz c8nb', /shape of a generated one/],
    ['AnnaBella@Example.com', /the address or the name/],
    ['annabellas GROSSES telefon', /the address or the name/],
  ])('may not be %j', (text, reason) => {
    expect(() => check(text)).toThrow(reason)
  })

  test('may not be at all where the policy says so', () => {
    expect(() => check('correct horse battery', { generatedOnly: true })).toThrow(/generated app passwords only/)
  })

  test('is never quoted by the refusal', () => {
    expect(() => check('marker-é-secret-marker')).toThrow(expect.objectContaining({ code: 'BAD_INPUT', message: expect.not.stringContaining('marker') }))
  })
})
