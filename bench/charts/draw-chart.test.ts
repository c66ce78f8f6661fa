import { describe, expect, test } from 'vitest'
import type { BarChart, Chart, CurveChart } from './chart.ts'
import { drawChart } from './draw-chart.ts'
import { linearScale, logarithmicScale } from './scale.ts'
import { COLOURS } from './svg.ts'

const bars: BarChart = {
  kind: 'bars',
  file: 'bars',
  title: 'Cost <of> a "login" & more',
  axis: '× nginx mail',
  groups: [
    {
      name: 'one at a time',
      bars: [
        { name: 'Mailwicket', value: 2 },
        { name: 'nginx mail', value: 1 },
        { name: 'Dovecot proxy', value: 0.5 },
      ],
      goal: 1.5,
    },
  ],
  reference: { at: 1, name: 'nginx mail' },
}

const curves: CurveChart = {
  kind: 'curves',
  file: 'curves',
  title: 'Growth',
  x: { label: 'devices', isLogarithmic: true },
  y: { label: 'µs' },
  curves: [
    {
      name: 'SQLite',
      points: [
        [1_000, 10],
        [10_000, 20],
        [100_000, 40],
      ],
    },
    {
      name: 'PostgreSQL',
      points: [
        [1_000, 10],
        [100_000, 40],
      ],
    },
  ],
}

interface Drawn {
  readonly tag: string
  readonly attributes: Readonly<Record<string, string>>
  readonly words: string
}

/** All elements without children; throws where one is not closed. */
function read(chart: Chart): Drawn[] {
  const svg = drawChart(chart, 'today, this machine')
  expect(svg.match(/<svg\b/g)).toHaveLength(1)
  expect(svg.trimEnd().endsWith('</svg>')).toBe(true)
  // What is left without whole elements must be the frame alone.
  const element = /<([a-z]+)((?: [a-z0-9-]+="[^"<>]*")*)(?:\/>|>([^<>]*)<\/\1>)/g
  expect(svg.replace(element, '').trim()).toMatch(/^<svg[^<>]*>\s*<\/svg>$/)
  return Array.from(svg.matchAll(element), ([, tag = '', attributes = '', words = '']) => ({
    tag,
    attributes: Object.fromEntries(Array.from(attributes.matchAll(/([a-z0-9-]+)="([^"]*)"/g), ([, name = '', value = '']) => [name, value])),
    words,
  }))
}

const wordsOf = (drawn: readonly Drawn[]) => drawn.flatMap(({ tag, words }) => (tag === 'text' ? [words] : []))

test('bars are as long as their values, ours stands out, and each has its name and its figure beside it', () => {
  const drawn = read(bars)
  const [ground, ours, nginx, dovecot] = drawn.filter(({ tag }) => tag === 'rect').map(({ attributes }) => attributes)
  expect(Number(ours?.['width']) / Number(nginx?.['width'])).toBeCloseTo(2, 2)
  expect(Number(dovecot?.['width']) / Number(nginx?.['width'])).toBeCloseTo(0.5, 2)
  expect([ground, ours, nginx, dovecot].map(one => one?.['class'])).toEqual(['f-ground', 'f-ours', 'f-others', 'f-others'])
  for (const words of ['one at a time', 'Mailwicket', 'nginx mail', 'Dovecot proxy', '2', '0.5', '× nginx mail', 'today, this machine'])
    expect(wordsOf(drawn)).toContain(words)
})

test('what stands in words cannot break the file', () => {
  expect(wordsOf(read(bars))).toContain('Cost &lt;of&gt; a &quot;login&quot; &amp; more')
})

test('a goal that was missed lies within the bar, a reference goes through all groups', () => {
  const lines = read(bars).filter(({ tag }) => tag === 'line')
  const goal = lines.find(({ attributes }) => attributes['class'] === 's-second')
  const reference = lines.find(({ attributes }) => attributes['stroke-dasharray'] !== undefined)
  const [, ours, nginx] = read(bars).filter(({ tag }) => tag === 'rect')
  const end = (bar: Drawn | undefined) => Number(bar?.attributes['x']) + Number(bar?.attributes['width'])
  expect(Number(goal?.attributes['x1'])).toBeLessThan(end(ours))
  expect(Number(reference?.attributes['x1'])).toBeCloseTo(end(nginx), 1)
})

test('on a logarithmic axis equal factors are equal steps, and both axes say what they are', () => {
  const drawn = read(curves)
  const [first] = drawn.filter(({ tag }) => tag === 'polyline')
  const xs = (first?.attributes['points'] ?? '').split(' ').map(point => Number(point.split(',')[0]))
  expect((xs[1] as number) - (xs[0] as number)).toBeCloseTo((xs[2] as number) - (xs[1] as number), 1)
  for (const words of ['devices', 'µs', '1,000', '10,000', '100,000', 'SQLite', 'PostgreSQL']) expect(wordsOf(drawn)).toContain(words)
})

test('curves that end in the same place keep their names apart, and differ in more than colour', () => {
  const drawn = read(curves)
  const [one, other] = ['SQLite', 'PostgreSQL'].map(name => Number(drawn.find(({ words }) => words === name)?.attributes['y']))
  expect(Math.abs((one ?? 0) - (other ?? 0))).toBeGreaterThanOrEqual(16)
  const looks = drawn.filter(({ tag }) => tag === 'polyline').map(({ attributes }) => attributes['stroke-dasharray'])
  expect(new Set(looks).size).toBe(2)
})

test('whoever does not see it hears all figures', () => {
  expect(read(bars).find(({ tag }) => tag === 'desc')?.words).toContain('Mailwicket 2, nginx mail 1, Dovecot proxy 0.5')
  expect(read(curves).find(({ tag }) => tag === 'desc')?.words).toContain('20 at 10,000')
})

test('what was not measured is not drawn as if it had been', () => {
  const [group] = bars.groups
  const broken = { ...bars, groups: [{ name: 'x', bars: [{ name: 'Mailwicket', value: Number.NaN }, ...(group?.bars ?? [])] }] }
  expect(() => drawChart(broken, '')).toThrow(RangeError)
  expect(() => logarithmicScale([0, 1])).toThrow(RangeError)
  expect(() => drawChart({ ...curves, curves: Array.from({ length: 5 }, () => curves.curves[0] as CurveChart['curves'][number]) }, '')).toThrow(RangeError)
})

describe('scales have round ticks that hold all values', () => {
  test.each<readonly [readonly number[], readonly number[]]>([
    [[0.3], [0, 0.1, 0.2, 0.3]],
    [
      [1, 6.8],
      [0, 2, 4, 6, 8],
    ],
    [
      [40, 44.9],
      [0, 10, 20, 30, 40, 50],
    ],
    [[19_800], [0, 5_000, 10_000, 15_000, 20_000]],
    [[0], [0, 1]],
    [
      [1, 2],
      [0, 1, 2],
    ],
  ])('%j', (values, ticks) => {
    expect(linearScale(values).ticks).toEqual(ticks)
    for (const value of values) expect(linearScale(values).place(value)).toBeLessThanOrEqual(1)
  })

  test('by powers of ten', () => {
    expect(logarithmicScale([1_000, 3_000_000]).ticks).toEqual([1e3, 1e4, 1e5, 1e6, 1e7])
    expect(logarithmicScale([5]).ticks).toEqual([1, 10])
    expect(logarithmicScale([1_000, 1_000_000]).place(1_000)).toBe(0)
    expect(logarithmicScale([1_000, 1_000_000]).place(1_000_000)).toBe(1)
  })
})

/** WCAG 2.2, "contrast ratio". */
function contrast(one: string, other: string): number {
  const luminance = (colour: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map(at => {
      const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

test.each(['light', 'dark'] as const)('colours can be read on a %s ground', theme => {
  const { ground, ...colours } = COLOURS[theme]
  for (const name of ['text', 'quiet', 'ours', 'second', 'third'] as const) expect(contrast(colours[name], ground)).toBeGreaterThan(4.5)
  expect(contrast(colours.others, ground)).toBeGreaterThan(3)
  expect(drawChart(bars, '')).toContain('@media(prefers-color-scheme:dark)')
})
