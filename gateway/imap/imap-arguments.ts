/**
 * Reads the tag, the verb and the arguments of a framed command, by the formal syntax of RFC 9051 §9.
 *
 * Methods are named after the grammar and throw WIRE_SYNTAX where the grammar does not fit.
 * LOGIN's and AUTHENTICATE's arguments are read here and not by emailjs-imap-handler, which takes an atom such as `12:secret` for a
 * sequence set and drops a leading `~`: a right password would be refused. That library reads the lists of ID (imap-id.ts).
 */
import { MailwicketError } from '../../base/errors.ts'
import type { RawCommand } from './imap-command-reader.ts'

const SPACE = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c
/** RFC 9051 §9: atom-specials are ( ) { SP CTL % * " \ ]. Of them % * \ ] are taken, as servers do: whoever does not quote a password has them in it. */
const ASTRING_SPECIALS = new Set([...'(){ "'].map(letter => letter.charCodeAt(0)))
/** RFC 9051 §9: tag = any ASTRING-CHAR except +. Bounded: it is repeated in every reply. */
const TAG = /^[\x21-\x7e]{1,256}$/
const VERB = /^[A-Za-z][A-Za-z0-9.-]{0,31}$/

export class ImapArguments {
  readonly #lines: readonly Buffer[]
  readonly #literals: readonly Buffer[]
  #line = 0
  #at = 0

  /** Blanks at the end of a command mean nothing. */
  constructor({ lines, literals }: RawCommand) {
    this.#lines = [...lines.slice(0, -1), withoutBlanksBehind(lines.at(-1) as Buffer)]
    this.#literals = literals
  }

  /**
   * A tag, or undefined when the line does not begin with one: then the reply is untagged. SECURITY: a single word is none. It is what a client says
   * that believes to be asked for its credentials, and would stand in our reply and in its log.
   */
  tag(): string | undefined {
    const word = this.#word()
    return TAG.test(word) && !/[(){%*"\\+]/.test(word) && !this.isAtEnd() ? word : undefined
  }

  /** A command name in upper case. */
  verb(): string {
    const word = this.#word()
    if (!VERB.test(word)) throw syntax('a command name was expected')
    return word.toUpperCase()
  }

  /** One, or several of a careless client. */
  space(): void {
    if (this.#octet() !== SPACE) throw syntax('a space was expected')
    while (this.#octet() === SPACE) this.#at += 1
  }

  /** RFC 9051 §9: astring = 1*ASTRING-CHAR / string. */
  astring(): Buffer {
    const first = this.#octet()
    if (first === QUOTE) return this.#quoted()
    if (first === undefined && this.#line < this.#literals.length) return this.#literal()
    const { line, start } = this.#here()
    let at = start
    while (at < line.length && isAstringChar(line[at])) at += 1
    if (at === start) throw syntax('an argument was expected; put a string with special characters in quotes')
    this.#at = at
    return line.subarray(start, at)
  }

  isAtEnd(): boolean {
    return this.#line === this.#lines.length - 1 && this.#octet() === undefined
  }

  end(): void {
    if (!this.isAtEnd()) throw syntax('the command has more arguments than it takes')
  }

  #here(): { line: Buffer; start: number } {
    return { line: this.#lines[this.#line] as Buffer, start: this.#at }
  }

  #octet(): number | undefined {
    return this.#lines[this.#line]?.[this.#at]
  }

  #word(): string {
    const { line, start } = this.#here()
    const space = line.indexOf(SPACE, start)
    this.#at = space < 0 ? line.length : space
    return line.toString('latin1', start, this.#at)
  }

  #quoted(): Buffer {
    const { line, start } = this.#here()
    const value: number[] = []
    for (let at = start + 1; at < line.length; at += 1) {
      let octet = line[at] as number
      if (octet === QUOTE) {
        this.#at = at + 1
        return Buffer.from(value)
      }
      // RFC 9051 §4.3: only the quote and the backslash itself may be escaped; before anything else it stands for itself, with clients that do not escape.
      const escaped = octet === BACKSLASH ? line[at + 1] : undefined
      if (escaped === QUOTE || escaped === BACKSLASH) {
        at += 1
        octet = escaped
      }
      value.push(octet)
    }
    throw syntax('a quoted string does not end')
  }

  #literal(): Buffer {
    const literal = this.#literals[this.#line] as Buffer
    this.#line += 1
    this.#at = 0
    return literal
  }
}

export function withoutBlanksBehind(line: Buffer): Buffer {
  let end = line.length
  while (end > 0 && line[end - 1] === SPACE) end -= 1
  return line.subarray(0, end)
}

function isAstringChar(octet: number | undefined): boolean {
  return octet !== undefined && octet > 0x20 && octet < 0x7f && !ASTRING_SPECIALS.has(octet)
}

function syntax(message: string): MailwicketError {
  return new MailwicketError('WIRE_SYNTAX', { message })
}
