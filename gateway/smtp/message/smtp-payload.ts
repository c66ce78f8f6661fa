/**
 * Moves the data of one message from the client to the upstream, untouched, with back-pressure, up to its true end.
 *
 * The final dot goes on last, and whoever asked is told before it does: until then, dropping the upstream means that it accepts nothing. A message
 * that is refused half-way is still read to the end its sender gave it, so that the client hears the refusal and does not send the rest as commands.
 */

import type { Wire } from '../../../base/sockets/wire.ts'
import { Transfer } from '../../wire/transfer.ts'
import { type DataVerdict, EndOfData } from './end-of-data.ts'

/** One TLS record: what waits behind the end of a message is not searched with it. */
const PIECE_BYTES = 16 * 1024
/** So much of a message is read before the memory that all share is worth the while. */
const LARGE_BYTES = 64 * 1024
/** The line that ends a message. */
const DOT_BYTES = 3

export interface Payload {
  readonly client: Wire
  readonly upstream: Wire
  /** Looks at the header; undefined: nothing of the message is looked at. */
  readonly header: HeaderCheck | undefined
  /** How long the upstream may take nothing. */
  readonly stallMs: number
  /** False once it is decided that the upstream does not get this message: then it is only read. */
  readonly isWanted: () => boolean
  /** Told at once; SECURITY: `isWanted` is false from then on, and the upstream has been dropped before its final dot. */
  readonly onRefused: (why: 'bare-lf' | 'stalled' | { readonly refused: string }) => void
  /** Told the size of the message in the moment in which its final dot goes out: what becomes of it, only the upstream knows from then on. */
  readonly onLast: (bytes: number) => void
}

/** Takes the beginning of a message until its header is complete, and holds it. */
export interface HeaderCheck {
  /** `hold`: not complete yet; `refused`: the reply that refuses the message. */
  push(bytes: Buffer): 'hold' | 'pass' | { readonly refused: string }
  /** The message, with its final dot, ended before its header did. */
  finish(): 'pass' | { readonly refused: string }
  /** All that was pushed: it goes on when it passes. */
  readonly held: Buffer
}

/** Resolves at the message's true end. Rejects when the client leaves in the middle. */
export async function relayPayload({ client, upstream, header, stallMs, isWanted, onRefused, onLast }: Payload): Promise<void> {
  // An upstream that takes nothing for so long is given up: our client is not read meanwhile, so its end would not be heard either.
  const transfer = new Transfer(client.socket, upstream.socket, { stall: { ms: stallMs, onStalled: () => onRefused('stalled') } })
  const end = new EndOfData()
  let isHeld = header !== undefined
  let isOver = false
  let bytes = 0
  /** The end of a large message: it waits until the upstream has taken the rest. */
  let dot: Buffer | undefined
  /** Of a large message that is looked at for nothing but its end. Gives back what it is not for, a bare-LF end for instance. */
  const takeLarge = (chunk: Buffer): Buffer | undefined => {
    if (!isWanted()) return chunk
    const { verdict, pass, rest } = end.scan(chunk)
    bytes += pass.length
    isOver = verdict === 'end'
    if (isOver) dot = Buffer.from(pass.subarray(-DOT_BYTES))
    transfer.passShared(isOver ? pass.subarray(0, -DOT_BYTES) : pass)
    return verdict === 'more' ? undefined : rest
  }
  const passOn = (chunk: Buffer, verdict: DataVerdict) => {
    if (verdict === 'end') onLast(bytes)
    transfer.pass(chunk)
  }
  try {
    while (!isOver) {
      if (bytes >= LARGE_BYTES && !isHeld && isWanted()) {
        await client.divert(takeLarge)
        if (isOver) break
      }
      const chunk = await client.readSome(PIECE_BYTES)
      let scan = end.scan(chunk)
      if (scan.verdict === 'bare-lf') {
        onRefused('bare-lf')
        end.tolerateBareLfEnds()
        scan = end.scan(scan.rest)
      }
      bytes += scan.pass.length
      if (isWanted() && isHeld && header !== undefined) {
        const soFar = header.push(scan.pass)
        const verdict = soFar === 'hold' && scan.verdict === 'end' ? header.finish() : soFar
        if (typeof verdict === 'object') onRefused(verdict)
        else if (verdict === 'pass') {
          isHeld = false
          passOn(header.held, scan.verdict)
        }
      } else if (isWanted()) {
        passOn(scan.pass, scan.verdict)
      }
      isOver = scan.verdict === 'end'
      if (isOver) client.putBack(scan.rest)
      else if (transfer.isWaiting) await transfer.taken()
    }
    transfer.flush()
    if (transfer.isWaiting) await transfer.taken()
    if (dot !== undefined && isWanted()) passOn(dot, 'end')
  } finally {
    transfer.close()
  }
}
