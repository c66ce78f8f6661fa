/**
 * One command for the demo's mail server: framed with its literals, and read by emailjs-imap-handler.
 */
import handler, { type Node } from 'emailjs-imap-handler'
import type { Wire } from '../../base/sockets/wire.ts'

export const MAX_LINE_BYTES = 64 * 1024
/** A message with its attachments. */
const MAX_COMMAND_BYTES = 32 * 1024 * 1024

/** What the client is answered in place of OK. */
export class Refused extends Error {
  readonly status: 'NO' | 'BAD'
  constructor(status: 'NO' | 'BAD', text: string) {
    super(text)
    this.status = status
  }
}

/** Throws Refused for what is too large, after which nothing can be read. */
export async function readCommand(wire: Wire, sayGoOn: () => void): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  for (;;) {
    const line = await wire.readLine(MAX_LINE_BYTES)
    const literal = /\{(\d{1,9})(\+?)\}$/.exec(line.subarray(-16).toString('latin1'))
    bytes += line.length + Number(literal?.[1] ?? 0)
    if (bytes > MAX_COMMAND_BYTES) throw new Refused('BAD', 'too large')
    pieces.push(line)
    if (literal === null) return Buffer.concat(pieces)
    if (literal[2] === '') sayGoOn()
    pieces.push(Buffer.from('\r\n'), await wire.readExactly(Number(literal[1])))
  }
}

/** Throws Refused for what does not parse. */
export function readArguments(command: Buffer, verb: string): readonly Node[] {
  // A base64 response is no argument that the parser takes.
  const found = /^\S+ AUTHENTICATE (\S+)(?: (\S+))?$/i.exec(command.toString('latin1', 0, MAX_LINE_BYTES))
  if (verb === 'AUTHENTICATE') return (found?.slice(1) ?? []).filter(word => word !== undefined).map(value => ({ type: 'ATOM', value }))
  try {
    return handler.parser(command, { valueAsString: false }).attributes ?? []
  } catch (error) {
    throw new Refused('BAD', (error as Error).message.replace(/[^\x20-\x7e]/g, '?'))
  }
}
