/**
 * Finds the end of a message's data, CRLF.CRLF (RFC 5321 §4.1.1.4), in chunks that pass by, and nothing else.
 *
 * SECURITY: what some server takes for an end and another does not (LF . LF, CR . CR, CRLF . LF, with NULs in between …) would let a
 * message carry a second one with any sender. Such an end, "bare-LF" for short, ends the message: its dot and what follows is never passed on.
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

/** How the line begins in which the next octet stands: after CRLF, after something that a lax server takes for it, or not here. */
type LineStart = 'true' | 'lax' | 'none'

const NOTHING = Buffer.alloc(0)
/** A dot can only stand at a line's start behind one of these. */
const NEEDLES = ['\n.', '\r.', '\0.'].map(text => Buffer.from(text, 'latin1'))

export class EndOfData {
  /** Octets from a dot on whose meaning depends on what comes next. */
  #held: Buffer = NOTHING
  /** What stands before the next chunk: RFC 5321 §4.1.1.4, the first line of the data begins after the CRLF of the command. */
  #last = LF
  #isCrLf = true
  #nulsSince = false
  #isTolerant = false

  /** From now on only the true end counts: for reading a refused message to where its sender ends it. */
  tolerateBareLfEnds(): void {
    this.#isTolerant = true
  }

  scan(arrived: Buffer): DataScan {
    const chunk = this.#held.length === 0 ? arrived : Buffer.concat([this.#held, arrived])
    this.#held = NOTHING
    const next = NEEDLES.map(() => -2)
    for (let dot = chunk[0] === DOT ? 0 : this.#nextDot(chunk, 0, next); dot >= 0; dot = this.#nextDot(chunk, dot + 1, next)) {
      const start = this.#lineStartAt(chunk, dot)
      if (start === 'none') continue
      const verdict = judgeDot(chunk, dot, start)
      if (verdict === 'end') return { verdict, pass: chunk.subarray(0, dot + 3), rest: chunk.subarray(dot + 3) }
      const isHidden = verdict === 'more' && chunk.length - dot > MAX_HELD_BYTES
      if (verdict === 'more' && !isHidden) return this.#hold(chunk, dot)
      if (verdict !== 'text' && !this.#isTolerant) {
        const pass = chunk.subarray(0, dot)
        this.#remember(pass)
        return { verdict: 'bare-lf', pass, rest: chunk.subarray(dot) }
      }
    }
    this.#remember(chunk)
    return { verdict: 'more', pass: chunk, rest: NOTHING }
  }

  #hold(chunk: Buffer, dot: number): DataScan {
    const pass = chunk.subarray(0, dot)
    this.#remember(pass)
    this.#held = Buffer.from(chunk.subarray(dot))
    return { verdict: 'more', pass, rest: NOTHING }
  }

  /** The next dot from `from` on that has a newline or NUL before it; -1 when there is none. */
  #nextDot(chunk: Buffer, from: number, next: number[]): number {
    let nearest = -1
    for (const [i, needle] of NEEDLES.entries()) {
      // Each needle's last find is kept, so that the chunk is searched once for each and not once for each dot.
      if ((next[i] as number) !== -1 && (next[i] as number) + 1 < from) next[i] = chunk.indexOf(needle, Math.max(from - 1, 0))
      const found = next[i] as number
      if (found >= 0 && (nearest < 0 || found + 1 < nearest)) nearest = found + 1
    }
    return nearest
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

function lineStartOf(last: number, isCrLf: boolean, hasNuls: boolean): LineStart {
  if (last !== CR && last !== LF) return 'none'
  return isCrLf && !hasNuls ? 'true' : 'lax'
}

/** What the dot at a line's start is: part of the text, the end, a bare-LF end, or (`more`) not known yet. */
function judgeDot(chunk: Buffer, dot: number, start: LineStart): DataVerdict | 'text' {
  const first = skipNuls(chunk, dot + 1)
  if (first >= chunk.length) return 'more'
  if (chunk[first] === LF) return 'bare-lf'
  if (chunk[first] !== CR) return 'text'
  if (first + 1 >= chunk.length) return 'more'
  return start === 'true' && first === dot + 1 && chunk[first + 1] === LF ? 'end' : 'bare-lf'
}

function skipNuls(chunk: Buffer, from: number): number {
  let at = from
  while (chunk[at] === NUL) at += 1
  return at
}
