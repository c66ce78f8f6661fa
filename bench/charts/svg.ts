/**
 * SVG as text. Each file carries its colours for light and for dark surroundings, on a ground of its own, and needs no font or script from elsewhere.
 */

/** Contrast of 4.5 to 1 or more for text, 3 to 1 for bars and lines, in both (tested). */
export const COLOURS = {
  light: { ground: '#ffffff', text: '#1f2328', quiet: '#59636e', rule: '#d1d9e0', ours: '#0a5fd1', second: '#b3470b', third: '#11725f', others: '#818b98' },
  dark: { ground: '#0d1117', text: '#f0f6fc', quiet: '#9198a1', rule: '#30363d', ours: '#5aa2ff', second: '#f0883e', third: '#3fbf9f', others: '#767e88' },
} as const

export type Colour = keyof typeof COLOURS.light

const style = (colours: Readonly<Record<Colour, string>>): string =>
  Object.entries(colours)
    .map(([name, value]) => `.f-${name}{fill:${value}}.s-${name}{stroke:${value}}`)
    .join('')

const STYLE = `text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif}.title{font-size:15px;font-weight:600}.small{font-size:12px}${style(COLOURS.light)}@media(prefers-color-scheme:dark){${style(COLOURS.dark)}}`

export interface TextOptions {
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly colour?: Colour
  readonly isSmall?: true
  readonly isTitle?: true
  /** Reads upwards, for the name of a vertical axis. */
  readonly isUpright?: true
}

export function text(x: number, y: number, words: string, { anchor = 'start', colour = 'text', isSmall, isTitle, isUpright }: TextOptions = {}): string {
  const classes = [`f-${colour}`, ...(isSmall ? ['small'] : []), ...(isTitle ? ['title'] : [])].join(' ')
  const turn = isUpright ? ` transform="rotate(-90 ${round(x)} ${round(y)})"` : ''
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" class="${classes}"${turn}>${escapeText(words)}</text>`
}

export function rectangle(x: number, y: number, width: number, height: number, colour: Colour): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" class="f-${colour}"/>`
}

export function line(x1: number, y1: number, x2: number, y2: number, colour: Colour, { width = 1, dashes = '' } = {}): string {
  const dashed = dashes === '' ? '' : ` stroke-dasharray="${dashes}"`
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" class="s-${colour}" stroke-width="${width}"${dashed}/>`
}

export function polyline(points: readonly (readonly [x: number, y: number])[], colour: Colour, dashes = ''): string {
  const dashed = dashes === '' ? '' : ` stroke-dasharray="${dashes}"`
  const places = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ')
  return `<polyline points="${places}" class="s-${colour}" fill="none" stroke-width="2"${dashed}/>`
}

export function dot(x: number, y: number, colour: Colour): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="3.5" class="f-${colour}"/>`
}

/** `description` is what somebody hears who does not see it. */
export function picture(width: number, height: number, title: string, description: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escapeText(title)}</title>`,
    `<desc id="description">${escapeText(description)}</desc>`,
    `<style>${STYLE}</style>`,
    rectangle(0, 0, width, height, 'ground'),
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

const round = (value: number): number => {
  if (!Number.isFinite(value)) throw new RangeError('a chart of what was not measured')
  return Math.round(value * 10) / 10
}

function escapeText(words: string): string {
  return words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
