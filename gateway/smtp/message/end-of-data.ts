/**
 * Finds the end of a message's data, CRLF.CRLF (RFC 5321 §4.1.1.4), in chunks that pass by, and nothing else.
 *
 * SECURITY: what some server takes for an end and another does not (LF . LF, CR . CR, CRLF . LF, with NULs in between …) would let a
 * message carry a second one with any sender. Such an end, "bare-LF" for short, ends the message: its dot and what follows is never passed on.
 * What is undecided is a dot, NULs and a CR: they are counted, not kept, so that a byte costs the same whatever came before it.
 */

const NUL = 0x00
const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e

/** A server that drops NULs sees through any number of them; more than this after a dot at a line's start is refused as it is. */
const MAX_HELD_BYTES = 64 * 1024

export type DataVerdict = 'more' | 'end' | 'bare-lf'

export interface DataScan {
  readonly verdict: DataVerdict
  /** Belongs to the message and may be sent on; with `end` it includes the final dot. */
  readonly pass: Buffer
  /** Behind the end, or from the dot of a bare-LF end on; empty with `more`. */
  readonly rest: Buffer
}

/** How the line begins in which the next byte stands: after CRLF, after something that a lax server takes for it, or not here. */
type LineStart = 'true' | 'lax' | 'none'

/** A dot at a line's start, and what has come behind it so far. */
interface OpenDot {
  readonly start: 'true' | 'lax'
  nuls: number
  hasCr: boolean
}

const NOTHING = Buffer.alloc(0)
/** Encoded attachments have no dots: one search for the byte finds the end. Where more of them stand in lines, they cost more than three searches for pairs. */
const MAX_DOTS_IN_LINES = 2
/** A dot can only stand at a line's start behind one of these. */
const NEEDLES = ['\n.', '\r.', '\0.'].map(text => Buffer.from(text, 'latin1'))

export class EndOfData {
  /** Its meaning depends on what comes next; it was not passed on. */
  #open: OpenDot | undefined
  /** What stands before the next chunk: RFC 5321 §4.1.1.4, the first line of the data begins after the CRLF of the command. */
  #last = LF
  #isCrLf = true
  #nulsSince = false
  #isTolerant = false

  /** From now on only the true end counts: for reading a refused message to where its sender ends it. */
  tolerateBareLfEnds(): void {
    this.#isTolerant = true
  }

  scan(chunk: Buffer): DataScan {
    const open = this.#open
    if (open === undefined) return this.#search(chunk)
    this.#open = undefined
    // Of the chunks before: written anew where it turns out to be needed.
    const before = { nuls: open.nuls, hasCr: open.hasCr }
    const { verdict, at } = judgeDot(open, chunk, 0)
    if (verdict === 'more') {
      this.#open = open
      return { verdict, pass: NOTHING, rest: NOTHING }
    }
    const held = textOf(before)
    if (verdict === 'end') return { verdict, pass: Buffer.concat([held, chunk.subarray(0, at)]), rest: chunk.subarray(at) }
    if (verdict === 'bare-lf' && !this.#isTolerant) return { verdict, pass: NOTHING, rest: Buffer.concat([held, chunk]) }
    this.#remember(held)
    const scan = this.#search(chunk)
    return { ...scan, pass: Buffer.concat([held, scan.pass]) }
  }

  #search(chunk: Buffer): DataScan {
    const find = new DotSearch(chunk)
    for (let dot = find.next(0); dot >= 0; dot = find.next(dot + 1)) {
      const start = this.#lineStartAt(chunk, dot)
      if (start === 'none') continue
      const open: OpenDot = { start, nuls: 0, hasCr: false }
      const { verdict, at } = judgeDot(open, chunk, dot + 1)
      if (verdict === 'end') return { verdict, pass: chunk.subarray(0, at), rest: chunk.subarray(at) }
      if (verdict === 'text' || (verdict === 'bare-lf' && this.#isTolerant)) continue
      const pass = chunk.subarray(0, dot)
      this.#remember(pass)
      if (verdict === 'bare-lf') return { verdict, pass, rest: chunk.subarray(dot) }
      this.#open = open
      return { verdict, pass, rest: NOTHING }
    }
    this.#remember(chunk)
    return { verdict: 'more', pass: chunk, rest: NOTHING }
  }

  #lineStartAt(chunk: Buffer, dot: number): LineStart {
    let at = dot - 1
    while (at >= 0 && chunk[at] === NUL) at -= 1
    const hasNuls = at < dot - 1
    if (at < 0) return lineStartOf(this.#last, this.#isCrLf, this.#nulsSince || hasNuls)
    const isCrLf = chunk[at] === LF && (at > 0 ? chunk[at - 1] === CR : this.#last === CR && !this.#nulsSince)
    return lineStartOf(chunk[at] as number, isCrLf, hasNuls)
  }

  #remember(passed: Buffer): void {
    let at = passed.length - 1
    while (at >= 0 && passed[at] === NUL) at -= 1
    if (at < 0) {
      this.#nulsSince ||= passed.length > 0
      return
    }
    this.#isCrLf = passed[at] === LF && (at > 0 ? passed[at - 1] === CR : this.#last === CR && !this.#nulsSince)
    this.#last = passed[at] as number
    this.#nulsSince = at < passed.length - 1
  }
}

/** Finds the dots of a chunk that stand at its beginning, or have a newline or NUL before them. */
class DotSearch {
  readonly #chunk: Buffer
  #dotsInLines = 0
  /** Each needle's last find, so that the chunk is searched once for each and not once for each dot; -1: no more. Undefined: not yet looked for. */
  #found: number[] | undefined

  constructor(chunk: Buffer) {
    this.#chunk = chunk
  }

  /** The next one from `from` on; -1 when there is none. */
  next(from: number): number {
    const chunk = this.#chunk
    if (this.#found !== undefined) return this.#nextOfPairs(from)
    for (let dot = chunk.indexOf(DOT, from); dot >= 0; dot = chunk.indexOf(DOT, dot + 1)) {
      const before = dot === 0 ? LF : chunk[dot - 1]
      if (before === LF || before === CR || before === NUL) return dot
      this.#dotsInLines += 1
      if (this.#dotsInLines > MAX_DOTS_IN_LINES) return this.#nextOfPairs(dot + 1)
    }
    return -1
  }

  #nextOfPairs(from: number): number {
    this.#found ??= NEEDLES.map(() => Number.NEGATIVE_INFINITY)
    let nearest = -1
    for (const [i, needle] of NEEDLES.entries()) {
      let at = this.#found[i] as number
      if (at !== -1 && at + 1 < from) {
        at = this.#chunk.indexOf(needle, from - 1)
        this.#found[i] = at
      }
      if (at >= 0 && (nearest < 0 || at + 1 < nearest)) nearest = at + 1
    }
    return nearest
  }
}

function lineStartOf(last: number, isCrLf: boolean, hasNuls: boolean): LineStart {
  if (last !== CR && last !== LF) return 'none'
  return isCrLf && !hasNuls ? 'true' : 'lax'
}

/**
 * What the dot is: part of the text, the end, a bare-LF end, or (`more`) not known yet; then `open` has what was seen. `at`: behind the last
 * byte that was looked at.
 */
function judgeDot(open: OpenDot, chunk: Buffer, from: number): { readonly verdict: DataVerdict | 'text'; readonly at: number } {
  let at = from
  if (!open.hasCr) {
    while (chunk[at] === NUL) at += 1
    open.nuls += at - from
    if (open.nuls > MAX_HELD_BYTES) return { verdict: 'bare-lf', at }
    if (at >= chunk.length) return { verdict: 'more', at }
    if (chunk[at] === LF) return { verdict: 'bare-lf', at }
    if (chunk[at] !== CR) return { verdict: 'text', at }
    at += 1
    open.hasCr = true
  }
  if (at >= chunk.length) return { verdict: 'more', at }
  return open.start === 'true' && open.nuls === 0 && chunk[at] === LF ? { verdict: 'end', at: at + 1 } : { verdict: 'bare-lf', at }
}

function textOf({ nuls, hasCr }: Pick<OpenDot, 'nuls' | 'hasCr'>): Buffer {
  const text = Buffer.alloc(1 + nuls + (hasCr ? 1 : 0))
  text[0] = DOT
  if (hasCr) text[1 + nuls] = CR
  return text
}
