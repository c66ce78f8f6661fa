/**
 * Secrets on their way in: from standard input, or typed at a prompt that shows nothing. Never from the arguments,
 * where every user of the machine could read them in the process list.
 */
import { MailwicketError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import type { CommandContext } from './command-context.ts'
import { Interrupted } from './interrupted.ts'
import type { Keyboard } from './terminal.ts'

/** Longer than any password or token we know of; a file piped in by mistake stops here. */
const MAX_SECRET_BYTES = 4096

export interface SecretQuestion {
  /** What is asked for, as in “Password of anna@example.com at upstream main”. */
  readonly what: string
  /** The option that reads it from standard input, for example `--secret-stdin`. */
  readonly option: string
  /** Whether that option was given. */
  readonly fromStdin: boolean
  /** A new secret is asked for twice; an existing one once. */
  readonly isNew: boolean
}

/** Reads a secret: from standard input with the option, else at a prompt. Throws BAD_INPUT; also where there is no terminal to ask at. */
export async function readSecret(context: CommandContext, question: SecretQuestion): Promise<Secret> {
  const { stdin, stderr } = context.terminal
  if (stdin.isTTY !== true) {
    if (question.fromStdin) return toSecret(await readAll(stdin, question.option), question.option)
    throw new MailwicketError('BAD_INPUT', {
      message: `${question.what} is needed, and there is no terminal to ask at.`,
      remedy: `Give it on standard input with ${question.option}, for example: ${question.option} < secret-file`,
    })
  }
  // SECURITY: before the prompt is shown, and until both answers are in: whoever types at once must not be echoed.
  stdin.setRawMode?.(true)
  try {
    const show = (text: string) => stderr.write(text)
    const first = await readHidden(stdin, show, `${question.what}: `)
    if (question.isNew && !first.equals(await readHidden(stdin, show, 'Once more: '))) {
      throw new MailwicketError('BAD_INPUT', { message: 'The two entries differ.', remedy: 'Run the command again.' })
    }
    return toSecret(first, 'the prompt')
  } finally {
    stdin.setRawMode?.(false)
  }
}

async function readAll(stdin: Keyboard, option: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stdin) {
    const piece = Buffer.from(chunk as Uint8Array)
    bytes += piece.length
    // Two more for the line end that does not count.
    if (bytes > MAX_SECRET_BYTES + 2) {
      throw new MailwicketError('BAD_INPUT', {
        message: `${option}: more than ${MAX_SECRET_BYTES} bytes.`,
        remedy: 'A secret is one line. Check what was piped in.',
      })
    }
    chunks.push(piece)
  }
  const all = Buffer.concat(chunks)
  // One line end is what `echo` and editors add; a second one would belong to the secret, and is refused below.
  const end = all.at(-1) === 0x0a ? (all.at(-2) === 0x0d ? 2 : 1) : 0
  return all.subarray(0, all.length - end)
}

function toSecret(bytes: Buffer, source: string): Secret {
  const refuse = (message: string) =>
    new MailwicketError('BAD_INPUT', { message: `The secret from ${source} ${message}`, remedy: 'Give it as one line of UTF-8 text.' })
  if (bytes.length === 0) throw refuse('is empty.')
  if (bytes.length > MAX_SECRET_BYTES) throw refuse(`is longer than ${MAX_SECRET_BYTES} bytes.`)
  // No login command of IMAP or SASL can carry these three.
  if (bytes.some(byte => byte === 0 || byte === 0x0a || byte === 0x0d)) throw refuse('has a line break or a NUL in it.')
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw refuse('is not UTF-8.')
  }
  return Secret.fromBytes(bytes)
}

const ENTER = new Set([0x0d, 0x0a])
const BACKSPACE = new Set([0x08, 0x7f])
const CTRL_C = 0x03
const CTRL_D = 0x04
const CTRL_U = 0x15

/** One line from a terminal that is in raw mode, and so shows nothing of it. */
function readHidden(stdin: Keyboard, show: (text: string) => unknown, prompt: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let line: number[] = []
    show(prompt)
    const finish = (outcome: () => void, unread: Buffer) => {
      stdin.off('data', onData)
      stdin.off('end', onEnd)
      stdin.pause()
      // What was pasted behind the line end belongs to the next question.
      if (unread.length > 0) stdin.unshift(unread)
      show('\n')
      outcome()
    }
    const onEnd = () => finish(() => reject(new Interrupted()), Buffer.alloc(0))
    const onData = (chunk: Buffer) => {
      for (const [at, byte] of chunk.entries()) {
        const unread = chunk.subarray(at + 1)
        if (ENTER.has(byte)) return finish(() => resolve(Buffer.from(line)), unread)
        if (byte === CTRL_C || (byte === CTRL_D && line.length === 0)) return finish(() => reject(new Interrupted()), Buffer.alloc(0))
        if (byte === CTRL_U) line = []
        else if (BACKSPACE.has(byte)) dropCharacter(line)
        else if (line.length <= MAX_SECRET_BYTES) line.push(byte)
      }
    }
    stdin.on('data', onData)
    stdin.on('end', onEnd)
    stdin.resume()
  })
}

/** Takes the last UTF-8 character off: its continuation bytes (10xxxxxx) and its first. */
function dropCharacter(line: number[]): void {
  let byte = line.pop()
  while (byte !== undefined && (byte & 0xc0) === 0x80) byte = line.pop()
}
