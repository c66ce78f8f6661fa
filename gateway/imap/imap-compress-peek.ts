/**
 * Whether a client has asked for COMPRESS (RFC 4978), while its bytes pass by unchanged: from then on nobody may write into its stream.
 *
 * RFC 4978 §3: after the command the client sends nothing until it is answered, so only the end of what has arrived is looked at, however much
 * that is. What merely looks like the command, in a message that is uploaded, costs a BYE and nothing else.
 */

const LF = 0x0a
/** The command without its tag, with some blanks that a careless client adds. */
const MAX_COMMAND_BYTES = 32
const COMMAND = /\bCOMPRESS +DEFLATE *\r?\n$/i

export class ImapCompressPeek {
  #tail = ''
  #isAsked = false

  get isAsked(): boolean {
    return this.#isAsked
  }

  push(chunk: Buffer): void {
    const end = chunk.toString('latin1', Math.max(0, chunk.length - MAX_COMMAND_BYTES))
    const tail = `${this.#tail}${end}`.slice(-MAX_COMMAND_BYTES)
    const isLine = chunk[chunk.length - 1] === LF
    this.#isAsked ||= isLine && COMMAND.test(tail)
    // A session at rest holds nothing here.
    this.#tail = isLine ? '' : tail
  }
}
