import { describe, expect, it } from 'vitest'
import { formatIso } from '../../base/iso-time.ts'
import { formatBytes, formatRelative, parseDuration, parseExpiry, parseSince } from './moment.ts'

const NOW = Date.parse('2026-11-22T06:00:00.000Z')
const expiry = (text: string) => formatIso(parseExpiry(text, NOW, '--expires'))

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['15m', 900_000],
    ['12h', 43_200_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    [' 90D ', 7_776_000_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text, '--unused-for')).toBe(ms)
  })

  it.each(['', '0d', '7', 'd', '-7d', '7y', '1.5h', '7d 2h', '1e3s', '99999999999d'])('“%s” is refused with the option’s name', text => {
    expect(() => parseDuration(text, '--unused-for')).toThrow(/^--unused-for: /)
  })
})

describe('expiry', () => {
  it.each([
    ['7d', '2026-11-29T06:00:00.000Z'],
    ['90s', '2026-11-22T06:01:30.000Z'],
    ['2027-01-31', '2027-01-31T23:59:59.999Z'],
    ['2026-11-22', '2026-11-22T23:59:59.999Z'],
    ['2027-01-31T18:00', '2027-01-31T18:00:00.000Z'],
    ['2027-01-31 18:00:30Z', '2027-01-31T18:00:30.000Z'],
    ['2027-01-31T18:00+02:00', '2027-01-31T16:00:00.000Z'],
    ['2027-01-31t18:00:00.250z', '2027-01-31T18:00:00.250Z'],
    ['2028-02-29', '2028-02-29T23:59:59.999Z'],
  ])('%s is %s', (text, iso) => {
    expect(expiry(text)).toBe(iso)
  })

  it.each(['2026-11-21', '2026-11-22T05:59:59Z', '1999-12-31'])('%s is in the past', text => {
    expect(() => expiry(text)).toThrow('--expires: “')
    try {
      expiry(text)
    } catch (error) {
      expect((error as { remedy: string }).remedy).toContain('past')
    }
  })

  it.each(['2027-02-30', '2027-13-01', '2027-1-1', '31.01.2027', 'tomorrow', '2027', '', '0d', '2027-01-31T25:00', '2027-01-31T18:00Zjunk', '999999999w'])(
    '“%s” is refused',
    text => {
      expect(() => expiry(text)).toThrow('is not usable')
    },
  )
})

describe('since', () => {
  it('counts back from now, and takes a bare date as its beginning', () => {
    expect(formatIso(parseSince('2h', NOW, '--since'))).toBe('2026-11-22T04:00:00.000Z')
    expect(formatIso(parseSince('2026-11-20', NOW, '--since'))).toBe('2026-11-20T00:00:00.000Z')
  })

  it('refuses what is neither', () => {
    expect(() => parseSince('yesterday', NOW, '--since')).toThrow('--since')
  })
})

describe('for people', () => {
  it.each([
    [NOW - 1000, 'just now'],
    [NOW - 42_000, '42 s ago'],
    [NOW - 3 * 60_000, '3 min ago'],
    [NOW - 26 * 3_600_000, '26 h ago'],
    [NOW - 5 * 86_400_000, '5 d ago'],
    [NOW + 7 * 86_400_000, 'in 7 d'],
    [NOW - 90 * 86_400_000, '2026-08-24'],
  ])('%d reads %s', (moment, text) => {
    expect(formatRelative(moment, NOW)).toBe(text)
  })

  it('says bytes as mail apps do', () => {
    expect([999, 1000, 1_440_000, 999_999_999_999].map(formatBytes)).toEqual(['999 B', '1.0 kB', '1.4 MB', '1.0 TB'])
  })
})
