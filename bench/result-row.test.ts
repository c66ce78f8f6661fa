import { expect, test } from 'vitest'
import { compare } from './result-row.ts'
import type { Series } from './rounds.ts'

const series: Series = new Map([
  ['Mailwicket', [3, 2, 9]],
  ['Mailwicket before', [4, 4, 4]],
  ['bare Node relay', [2, 2, 2]],
  ['nginx mail', [1, 1, 7]],
])

test('a goal that is a multiple of one peer is judged by the medians, and drawn beside all of them as a multiple of nginx', () => {
  const missed = compare({ what: 'logins', unit: 'ms', chart: 'logins', limit: 1.4, to: 'bare Node relay' }, series)
  expect(missed).toMatchObject({ goal: '1.4 × bare Node relay or less', result: '1.50 ×', isReached: false })
  expect(missed.ratios?.group.bars).toEqual([
    { name: 'Mailwicket', value: 3 },
    { name: 'bare Node relay', value: 2 },
    { name: 'nginx mail', value: 1 },
  ])
  expect(missed.ratios?.group.goal).toBeCloseTo(2.8)
  expect(missed.raw).toContain('| Mailwicket before | 4.00 | 4.00 · 4.00 · 4.00 |')
  expect(compare({ what: 'logins', unit: 'ms', chart: 'logins', limit: 3 }, series)).toMatchObject({ goal: '3 × nginx mail or less', isReached: true })
})
