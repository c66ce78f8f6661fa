/** Curves over a common axis, each with its name at its end, and a dot at each place that was measured. */
import type { Axis, CurveChart } from './chart.ts'
import { formatTick, linearScale, logarithmicScale, type Scale } from './scale.ts'
import { type Colour, dot, line, picture, polyline, text } from './svg.ts'

const WIDTH = 860
const HEIGHT = 400
const LEFT = 92
const RIGHT = 190
const TOP = 64
const BOTTOM = 58
const LABEL_HEIGHT = 16

/** Told apart without colours too: by their dashes, and by the names at their ends. */
const LOOKS: readonly { readonly colour: Colour; readonly dashes: string }[] = [
  { colour: 'ours', dashes: '' },
  { colour: 'second', dashes: '7 3' },
  { colour: 'third', dashes: '2 3' },
  { colour: 'others', dashes: '9 3 2 3' },
]

export function drawCurves({ title, x, y, curves }: CurveChart, caption: string): string {
  if (curves.length > LOOKS.length) throw new RangeError(`${curves.length} curves cannot be told apart`)
  const [xs, ys] = [0, 1].map(at => curves.flatMap(({ points }) => points.map(point => point[at] as number))) as [number[], number[]]
  const [across, up] = [scaleOf(x, xs), scaleOf(y, ys)]
  const placeX = (value: number) => LEFT + across.place(value) * (WIDTH - LEFT - RIGHT)
  const placeY = (value: number) => HEIGHT - BOTTOM - up.place(value) * (HEIGHT - TOP - BOTTOM)
  const places = curves.map(({ points }) => points.map(([px, py]) => [placeX(px), placeY(py)] as const))
  const labels = spreadLabels(places.map(points => points.at(-1)?.[1] ?? 0))
  const middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
  return picture(WIDTH, HEIGHT, title, describe(curves, x, y), [
    text(16, 26, title, { isTitle: true }),
    text(16, 45, caption, { colour: 'quiet', isSmall: true }),
    ...up.ticks.flatMap(tick => [
      line(LEFT, placeY(tick), WIDTH - RIGHT, placeY(tick), 'rule'),
      text(LEFT - 8, placeY(tick) + 4, formatTick(tick), { anchor: 'end', colour: 'quiet', isSmall: true }),
    ]),
    ...across.ticks.flatMap(tick => [
      line(placeX(tick), HEIGHT - BOTTOM, placeX(tick), HEIGHT - BOTTOM + 5, 'quiet'),
      text(placeX(tick), HEIGHT - BOTTOM + 19, formatTick(tick), { anchor: 'middle', colour: 'quiet', isSmall: true }),
    ]),
    line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, 'quiet'),
    text(middle, HEIGHT - 16, x.label, { anchor: 'middle', colour: 'quiet', isSmall: true }),
    text(18, TOP + (HEIGHT - TOP - BOTTOM) / 2, y.label, { anchor: 'middle', colour: 'quiet', isSmall: true, isUpright: true }),
    ...curves.flatMap(({ name }, index) => {
      const { colour, dashes } = LOOKS[index] as (typeof LOOKS)[number]
      const points = places[index] ?? []
      const label = text((points.at(-1)?.[0] ?? 0) + 10, (labels[index] ?? 0) + 4, name, { isSmall: true, colour: colour === 'others' ? 'quiet' : colour })
      return [polyline(points, colour, dashes), ...points.map(([px, py]) => dot(px, py, colour)), label]
    }),
  ])
}

function scaleOf({ isLogarithmic }: Axis, values: readonly number[]): Scale {
  return isLogarithmic ? logarithmicScale(values) : linearScale(values)
}

/** Names of curves that end near each other are moved apart, in their order from the top. */
function spreadLabels(wanted: readonly number[]): number[] {
  const placed: number[] = []
  let lowest = Number.NEGATIVE_INFINITY
  for (const { y, index } of wanted.map((y, index) => ({ y, index })).sort((a, b) => a.y - b.y)) {
    lowest = Math.max(y, lowest + LABEL_HEIGHT)
    placed[index] = lowest
  }
  return placed
}

function describe(curves: CurveChart['curves'], x: Axis, y: Axis): string {
  const all = curves.map(({ name, points }) => `${name}: ${points.map(([px, py]) => `${formatTick(py)} at ${formatTick(px)}`).join(', ')}`)
  return `${y.label}, by ${x.label}. ${all.join('. ')}.`
}
