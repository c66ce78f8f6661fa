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
/** RFC 9051 §9: atom-specials are ( ) { SP CTL % * " \ ]; ASTRING-CHAR allows ] again. */
const ASTRING_SPECIALS = new Set([...'(){ %*"\\'].map(letter => letter.charCodeAt(0)))
/** RFC 9051 §9: tag = any ASTRING-CHAR except +. Bounded: it is repeated in every reply. */
const TAG = /^[\x21-\x7e]{1,256}$/
const VERB = /^[A-Za-z][A-Za-z0-9.-]{0,31}$/

export class ImapArguments {
  readonly #command: RawCommand
  #line = 0
  #at = 0

  constructor(command: RawCommand) {
    this.#command = command
  }

  /** A tag, or undefined when the line does not begin with one: then the reply is untagged. */
  tag(): string | undefined {
    const word = this.#word()
    return TAG.test(word) && !/[(){%*"\\+]/.test(word) ? word : undefined
  }

  /** A command name in upper case. */
  verb(): string {
    const word = this.#word()
    if (!VERB.test(word)) throw syntax('a command name was expected')
    return word.toUpperCase()
  }

  space(): void {
    if (this.#octet() !== SPACE) throw syntax('a space was expected')
    this.#at += 1
  }

  /** RFC 9051 §9: astring = 1*ASTRING-CHAR / string. */
  astring(): Buffer {
    const first = this.#octet()
    if (first === QUOTE) return this.#quoted()
    if (first === undefined && this.#line < this.#command.literals.length) return this.#literal()
    const { line, start } = this.#here()
    let at = start
    while (at < line.length && isAstringChar(line[at])) at += 1
    if (at === start) throw syntax('an argument was expected; put a string with special characters in quotes')
    this.#at = at
    return line.subarray(start, at)
  }

  isAtEnd(): boolean {
    return this.#line === this.#command.lines.length - 1 && this.#octet() === undefined
  }

  end(): void {
    if (!this.isAtEnd()) throw syntax('the command has more arguments than it takes')
  }

  #here(): { line: Buffer; start: number } {
    return { line: this.#command.lines[this.#line] as Buffer, start: this.#at }
  }

  #octet(): number | undefined {
    return this.#command.lines[this.#line]?.[this.#at]
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
      if (octet === BACKSLASH) {
        at += 1
        octet = line[at] as number
        // RFC 9051 §4.3: only the quote and the backslash itself may be escaped.
        if (octet !== QUOTE && octet !== BACKSLASH) throw syntax('a backslash may only stand before a quote or a backslash')
      }
      value.push(octet)
    }
    throw syntax('a quoted string does not end')
  }

  #literal(): Buffer {
    const literal = this.#command.literals[this.#line] as Buffer
    this.#line += 1
    this.#at = 0
    return literal
  }
}

function isAstringChar(octet: number | undefined): boolean {
  return octet !== undefined && octet > 0x20 && octet < 0x7f && !ASTRING_SPECIALS.has(octet)
}

function syntax(message: string): MailwicketError {
  return new MailwicketError('WIRE_SYNTAX', { message })
}
