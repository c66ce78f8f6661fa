/** The icons, drawn for these pages: lines on 24 × 24, without a file of their own. They never stand alone: a word is beside them, or in the label. */
import { type Html, html } from '../html.ts'

const line = (shape: Html): Html => html`<svg class="i" viewBox="0 0 24 24" aria-hidden="true">${shape}</svg>`

export const icons = {
  search: line(html`<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>`),
  envelope: line(html`<rect x="3" y="5.5" width="18" height="13" rx="2.2"/><path d="m3.8 7.5 8.2 6 8.2-6"/>`),
  people: line(html`<circle cx="9" cy="8.5" r="3.5"/><path d="M2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6M16 5.3a3.5 3.5 0 0 1 0 6.4M18.2 14.5c1.9.9 3 2.7 3.3 5.5"/>`),
  link: line(html`<path d="M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1-1"/>`),
  pulse: line(html`<path d="M2.5 12.5h4l3-8 4.5 15 3-7h4.5"/>`),
  shield: line(html`<path d="M12 3 4.5 6v5.5c0 4.5 3 8 7.5 9.5 4.5-1.5 7.5-5 7.5-9.5V6z"/>`),
  lock: line(html`<rect x="4.5" y="10.5" width="15" height="10" rx="2"/><path d="M8 10.5V8a4 4 0 0 1 8 0v2.5"/>`),
  phone: line(html`<rect x="7" y="2.5" width="10" height="19" rx="2.4"/><path d="M11 18.5h2"/>`),
  passkey: line(
    html`<circle cx="9" cy="7.5" r="4"/><path d="M2.5 20.5c.3-4.3 2.8-6.5 6.5-6.5 1.3 0 2.4.3 3.4.8"/><circle cx="17.5" cy="12.5" r="3"/><path d="M17.5 15.5v6l2-1.6-1.2-1.3 1.2-1.3"/>`,
  ),
  plus: line(html`<path d="M12 5v14M5 12h14"/>`),
  more: line(html`<path d="M12 5.5h.01M12 12h.01M12 18.5h.01" stroke-width="3"/>`),
  laptop: line(html`<rect x="4.5" y="5" width="15" height="10.5" rx="1.8"/><path d="M2.5 19h19"/>`),
  key: line(html`<circle cx="8" cy="15.5" r="4"/><path d="m11 12.5 8.5-8.5M16 7.5l3 3"/>`),
  download: line(html`<path d="M12 3.5v12M7 11l5 5 5-5M4.5 20.5h15"/>`),
  inbox: line(html`<path d="M3.5 13.5 6.5 5h11l3 8.5v5a1.5 1.5 0 0 1-1.5 1.5H5a1.5 1.5 0 0 1-1.5-1.5z"/><path d="M3.5 13.5h5l1.2 2.5h4.600l1.2-2.500h5"/>`),
  pen: line(html`<path d="m4 20 1-4.5L16.5 4l3.5 3.5L8.5 19z"/>`),
  place: line(html`<path d="M12 21s-6.5-5.7-6.5-10.7a6.5 6.5 0 0 1 13 0C18.5 15.3 12 21 12 21z"/><circle cx="12" cy="10.3" r="2.3"/>`),
  cross: line(html`<path d="M6 6l12 12M18 6 6 18"/>`),
  clock: line(html`<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5.300l3.3 2"/>`),
  send: line(html`<path d="M20.5 3.5 10 14M20.5 3.5 14 20.5l-4-6.5-6.5-4z"/>`),
  unplug: line(html`<path d="m4 20 4-4M9 9l6 6M7.5 10.5l-1 1a4.2 4.2 0 0 0 6 6l1-1M16.5 13.5l1-1a4.2 4.2 0 0 0-6-6l-1 1M16 8l4-4"/>`),
  next: line(html`<path d="m9 5 7 7-7 7"/>`),
  check: line(html`<path d="m4.5 12.5 5 5 10-11"/>`),
  warning: line(html`<path d="M12 3.5 2.5 20h19z"/><path d="M12 10v4.5M12 17.3h.01"/>`),
  copy: line(html`<rect x="8.5" y="8.5" width="12" height="12" rx="2.2"/><path d="M15.5 8.5v-3a2 2 0 0 0-2-2h-8a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h3"/>`),
  again: line(html`<path d="M20 11a8 8 0 1 0-2.2 6.2M20 5v6h-6"/>`),
  printer: line(html`<path d="M7 8.5V3.5h10v5"/><rect x="3.5" y="8.5" width="17" height="8" rx="1.8"/><path d="M7 14h10v6.5H7z"/>`),
  info: line(html`<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5.500M12 7.800h.01"/>`),
  power: line(html`<path d="M12 3v8M6.5 6.5a8 8 0 1 0 11 0"/>`),
  cog: line(
    html`<circle cx="12" cy="12" r="3.2"/><path d="M12 2.8v3M12 18.2v3M2.8 12h3M18.2 12h3M5.5 5.5l2.1 2.1M16.4 16.4l2.1 2.1M18.5 5.5l-2.1 2.1M7.6 16.4l-2.1 2.1"/>`,
  ),
  server: line(
    html`<rect x="3.5" y="4" width="17" height="7" rx="1.8"/><rect x="3.5" y="13" width="17" height="7" rx="1.8"/><path d="M7 7.5h.01M7 16.5h.01"/>`,
  ),
  eye: line(html`<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z"/><circle cx="12" cy="12" r="2.8"/>`),
  bin: line(html`<path d="M4 6.5h16M9 6.500v-3h6v3M6 6.5l1 14h10l1-14M10 10.5v6M14 10.5v6"/>`),
  previous: line(html`<path d="m15 5-7 7 7 7"/>`),
  gate: line(html`<path d="M4 20.5V11a8 8 0 0 1 16 0v9.5M2.5 20.5h19M12 3v17.5"/>`),
  leave: line(html`<path d="M14 4.5H6a1.5 1.5 0 0 0-1.5 1.500v12A1.5 1.5 0 0 0 6 19.500h8M10 12h10.500M17 8.500l3.5 3.5-3.5 3.5"/>`),
  globe: line(
    html`<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.500c3 2.5 3.5 5.5 3.5 8.500s-.5 6-3.5 8.500c-3-2.5-3.5-5.5-3.5-8.500s.5-6 3.5-8.500z"/>`,
  ),
  book: line(html`<path d="M5 4.500h11.500a2 2 0 0 1 2 2v13H7a2 2 0 0 1-2-2zM5 17.500a2 2 0 0 1 2-2h11.500M9 8.500h6"/>`),
} as const

export type IconName = keyof typeof icons

export const logo: Html = html`<svg viewBox="0 0 32 32" aria-hidden="true"><path class="wall" d="M3 29V15a13 13 0 0 1 26 0v14z"/><path class="door" d="M8 29V15.5a8 8 0 0 1 16 0V29z"/><path class="flap" d="M8 17.5l8 6 8-6"/><circle class="lamp" cx="16" cy="5.2" r="1.9"/></svg>`

/** The closed gate of an empty list. */
export const closedGate: Html = html`<svg class="art" viewBox="0 0 140 100" aria-hidden="true"><path class="a" d="M18 94V46a52 40 0 0 1 104 0v48z"/><path class="b" d="M8 94h124"/><path class="d" d="M44 94V52a26 26 0 0 1 52 0v42z"/><path class="b" d="M44 54l26 18 26-18"/><circle class="c" cx="70" cy="14" r="6"/></svg>`

/** The wall with its wicket, over the sign-in. */
export const arches: Html = html`<svg class="arch" viewBox="0 0 240 96" aria-hidden="true"><g class="art"><path class="a" d="M14 92V50a46 46 0 0 1 92 0v42zM134 92V50a46 46 0 0 1 92 0v42z"/><path class="b" d="M4 92h232M74 92V52a46 46 0 0 1 92 0v40"/><path class="d" d="M92 92V60a28 28 0 0 1 56 0v32z"/><path class="b" d="M92 62l28 20 28-20"/><circle class="c" cx="120" cy="20" r="6"/></g></svg>`
