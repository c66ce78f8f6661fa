/** Bars from left to right, in groups, with their values behind them: lengths are compared, so the axis begins at zero. */
import type { BarChart, BarGroup } from './chart.ts'
import { formatTick, linearScale } from './scale.ts'
import { line, picture, rectangle, text } from './svg.ts'

const WIDTH = 860
const NAME_WIDTH = 150
const VALUE_WIDTH = 70
const TOP = 62
const BAR = 16
const GAP = 3
const GROUP_GAP = 16
const NAME_HEIGHT = 20
const FOOT = 46

export function drawBars({ title, axis, groups, reference }: BarChart, caption: string): string {
  const values = groups.flatMap(({ bars, goal }) => [...bars.map(({ value }) => value), ...(goal === undefined ? [] : [goal])])
  const scale = linearScale([...values, reference?.at ?? 0])
  const x = (value: number) => NAME_WIDTH + scale.place(value) * (WIDTH - NAME_WIDTH - VALUE_WIDTH)
  const parts = [text(16, 26, title, { isTitle: true }), text(16, 45, caption, { colour: 'quiet', isSmall: true })]
  let top = TOP
  for (const group of groups) {
    const [first, last] = [top + NAME_HEIGHT, top + NAME_HEIGHT + group.bars.length * (BAR + GAP)]
    parts.push(
      text(16, top + 14, group.name),
      ...scale.ticks.map(tick => line(x(tick), first - GAP, x(tick), last, 'rule')),
      ...drawGroup(group, first, x),
      ...(reference === undefined ? [] : [line(x(reference.at), first - GAP, x(reference.at), last, 'text', { dashes: '2 3' })]),
    )
    top = last + GROUP_GAP
  }
  const words = { anchor: 'middle', colour: 'quiet', isSmall: true } as const
  parts.push(...scale.ticks.map(tick => text(x(tick), top, formatTick(tick), words)), text((x(0) + WIDTH - VALUE_WIDTH) / 2, top + 20, axis, words))
  return picture(WIDTH, top - GROUP_GAP + FOOT, title, describe(groups, axis), parts)
}

function drawGroup({ bars, goal }: BarGroup, top: number, x: (value: number) => number): string[] {
  return bars.flatMap(({ name, value }, index) => {
    const y = top + index * (BAR + GAP)
    const isOurs = index === 0
    const goalMark = isOurs && goal !== undefined ? [line(x(goal), y - 3, x(goal), y + BAR + 3, 'second', { width: 3 })] : []
    const behind = isOurs && goal !== undefined && goal > value ? Math.max(x(value), x(goal) + 3) : x(value)
    return [
      text(NAME_WIDTH - 10, y + 12.5, name, { anchor: 'end', isSmall: true, ...(isOurs ? {} : { colour: 'quiet' as const }) }),
      rectangle(x(0), y, x(value) - x(0), BAR, isOurs ? 'ours' : 'others'),
      ...goalMark,
      text(behind + 6, y + 12.5, formatTick(Number(value.toPrecision(3))), { isSmall: true, ...(isOurs ? {} : { colour: 'quiet' as const }) }),
    ]
  })
}

function describe(groups: readonly BarGroup[], axis: string): string {
  const all = groups.map(({ name, bars }) => `${name}: ${bars.map(bar => `${bar.name} ${formatTick(Number(bar.value.toPrecision(3)))}`).join(', ')}`)
  return `${axis}. ${all.join('. ')}.`
}
