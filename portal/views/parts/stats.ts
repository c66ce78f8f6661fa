/** Figures at the top of a page, and the bars of thirty days: SVG with attributes, since the content security policy allows no inline style. */
import { type Html, type HtmlValue, html } from '../../html.ts'

export interface Stat {
  readonly value: HtmlValue
  readonly label: HtmlValue
  /** Above the figure. */
  readonly over?: HtmlValue
  /** A few words in place of a figure. */
  readonly look?: 'words' | 'live' | undefined
}

const LOOKS = { words: 'as-words', live: 'live as-live' } as const

export const stats = (items: readonly Stat[]): Html =>
  html`<div class="stats">${items.map(
    ({ value, label, over, look }) =>
      html`<div class="card stat">${over !== undefined && html`<span>${over}</span>`}<b class="${look === undefined ? 'num' : LOOKS[look]}">${value}</b><span>${label}</span></div>`,
  )}</div>`

const WIDTH = 300
const HEIGHT = 72
const GAP = 3
/** A day without a connection still has a foot to stand on. */
const MIN_HEIGHT = 3

/** `label` says in words what the bars show; the last seven are darker. */
export function bars(values: readonly number[], label: string): Html {
  const top = Math.max(1, ...values)
  const step = WIDTH / Math.max(1, values.length)
  const bar = (value: number, at: number) => {
    const height = Math.max(MIN_HEIGHT, Math.round((value / top) * HEIGHT))
    return html`<rect${at >= values.length - 7 && html` class="h"`} x="${(at * step).toFixed(1)}" y="${HEIGHT - height}" width="${(step - GAP).toFixed(1)}" height="${height}" rx="2"/>`
  }
  return html`<svg class="bars" role="img" aria-label="${label}" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none">${values.map(bar)}</svg>`
}
