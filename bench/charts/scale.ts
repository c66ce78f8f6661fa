/**
 * From values to places on an axis, and the round numbers that are written beside it.
 */

export interface Scale {
  readonly ticks: readonly number[]
  /** 0 at the beginning of the axis, 1 at its end. */
  place(value: number): number
}

/** Begins at zero: a bar's length is its value. Between whole things there is nothing to name. */
export function linearScale(values: readonly number[], wantedTicks = 5): Scale {
  const most = Math.max(...values, 0)
  const step = Math.max(roundStep(most / wantedTicks || 1), values.every(Number.isInteger) ? 1 : 0)
  const count = Math.max(1, Math.ceil(most / step - 1e-9))
  const ticks = Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)))
  return { ticks, place: value => value / (count * step) }
}

/** From the power of ten at or below the least to that at or above the most. */
export function logarithmicScale(values: readonly number[]): Scale {
  if (values.some(value => value <= 0)) throw new RangeError('a logarithmic axis has no place for zero')
  const from = Math.floor(Math.log10(Math.min(...values)) + 1e-9)
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9))
  const ticks = Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index))
  return { ticks, place: value => (Math.log10(value) - from) / (to - from) }
}

/** 1, 2, 2.5 or 5 times a power of ten, at least `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  const factor = [1, 2, 2.5, 5].find(one => one * power >= least * (1 - 1e-9)) ?? 10
  return factor * power
}

export function formatTick(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 4 })
}
