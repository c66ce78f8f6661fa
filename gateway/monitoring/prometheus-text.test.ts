import { expect, test } from 'vitest'
import { PrometheusText } from './prometheus-text-fixture.ts'

const GOOD = `# HELP a_total What it counts.
# TYPE a_total counter
a_total{x="1",y="a \\"b\\" \\\\ \\n{},"} 3
a_total{x="2",y=""} 4.5e-7

# HELP b_seconds How long.
# TYPE b_seconds histogram
b_seconds_bucket{le="0.1"} 1
b_seconds_bucket{le="2.5"} 1
b_seconds_bucket{le="+Inf"} 2
b_seconds_sum 3.5
b_seconds_count 2
`

test('reads what is right', () => {
  const text = new PrometheusText(GOOD)
  expect(text.value('a_total')).toBeCloseTo(3, 5)
  expect(text.value('a_total', { x: '1' })).toBe(3)
  expect(text.samples('a_total')[0]?.labels).toEqual({ x: '1', y: 'a "b" \\ \n{},' })
  expect(text.value('b_seconds_count')).toBe(2)
  expect(text.value('a_total', { x: '3' })).toBeUndefined()
})

test.each([
  ['a last line without its end', GOOD.slice(0, -1)],
  ['a sample without its family', GOOD.replace(/^# (HELP|TYPE) a_total.*\n/gm, '')],
  ['TYPE without HELP', GOOD.replace(/^# HELP a_total.*\n/m, '')],
  ['a type that there is not', GOOD.replace('counter', 'number')],
  ['a family twice', GOOD + GOOD],
  ['a series twice', GOOD.replace('a_total{x="2",y=""} 4.5e-7', 'a_total{x="1",y="1"} 1\na_total{y="1",x="1"} 1')],
  ['a quote that is not escaped', GOOD.replace('\\"b\\"', '"b"')],
  ['a label twice', GOOD.replace('{x="2",y=""}', '{x="2",x="2"}')],
  ['a comma too many', GOOD.replace('y=""}', 'y="",}')],
  ['a value that is none', GOOD.replace('4.5e-7', '4,5')],
  ['an undefined value', GOOD.replace('4.5e-7', 'undefined')],
  ['a name with a dash', GOOD.replaceAll('a_total', 'a-total')],
  ['buckets that shrink', GOOD.replace('{le="2.5"} 1', '{le="2.5"} 0')],
  ['buckets in disorder', GOOD.replace('le="2.5"', 'le="0.05"')],
  ['a count that does not agree', GOOD.replace('count 2', 'count 3')],
  ['no sum', GOOD.replace(/^b_seconds_sum.*\n/m, '')],
])('refuses %s', (_what, text) => {
  expect(text).not.toBe(GOOD)
  expect(() => new PrometheusText(text)).toThrow()
})
