/**
 * Moves the data of one message from the client to the upstream, untouched, with back-pressure, up to its true end.
 *
 * The final dot goes on last: before it, dropping the upstream means that it accepts nothing. A message that is refused half-way is still
 * read to the end its sender gave it, so that the client hears the refusal and does not send the rest as commands.
 */

import type { Wire } from '../../base/wire.ts'
import type { Limits } from '../limits.ts'
import { EndOfData } from './end-of-data.ts'

/** One TLS record: what waits behind the end of a message is not searched with it. */
const PIECE_BYTES = 16 * 1024

export type PayloadOutcome = 'sent' | 'bare-lf' | 'upstream-gone' | { readonly refused: string }

export interface Payload {
  readonly client: Wire
  readonly upstream: Wire
  /** Looks at the header; undefined: nothing of the message is looked at. */
  readonly header: HeaderCheck | undefined
  readonly limits: Limits
  /** False once the upstream has closed or answered before the end. */
  readonly isUpstreamAlive: () => boolean
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

/** Rejects when the client leaves in the middle. */
export async function relayPayload(payload: Payload): Promise<{ outcome: PayloadOutcome; bytes: number }> {
  const { client, upstream, header, isUpstreamAlive, limits } = payload
  const end = new EndOfData()
  let isHeld = header !== undefined
  let refusal: Exclude<PayloadOutcome, 'sent'> | undefined
  let bytes = 0
  const refuse = (why: Exclude<PayloadOutcome, 'sent'>) => {
    refusal ??= why
    // SECURITY: before its final dot, so that the upstream accepts nothing of this message.
    upstream.socket.destroy()
  }
  for (let chunk = await client.readSome(PIECE_BYTES); ; chunk = await client.readSome(PIECE_BYTES)) {
    let scan = end.scan(chunk)
    if (scan.verdict === 'bare-lf') {
      refuse('bare-lf')
      end.tolerateBareLfEnds()
      scan = end.scan(scan.rest)
    }
    bytes += scan.pass.length
    if (refusal === undefined && !isUpstreamAlive()) refuse('upstream-gone')
    if (refusal === undefined && isHeld && header !== undefined) {
      const soFar = header.push(scan.pass)
      const verdict = soFar === 'hold' && scan.verdict === 'end' ? header.finish() : soFar
      if (typeof verdict === 'object') refuse(verdict)
      else if (verdict === 'pass') {
        isHeld = false
        await send(upstream, header.held, limits.uploadStallMs)
      }
    } else if (refusal === undefined) {
      await send(upstream, scan.pass, limits.uploadStallMs)
    }
    if (scan.verdict === 'end') {
      client.putBack(scan.rest)
      return { outcome: refusal ?? (isUpstreamAlive() ? 'sent' : 'upstream-gone'), bytes }
    }
  }
}

/** Writes and waits while the upstream is slow; returns at once when it is gone. */
async function send({ socket }: Wire, bytes: Buffer, stallMs: number): Promise<void> {
  if (socket.destroyed || bytes.length === 0 || socket.write(bytes)) return
  await new Promise<void>(resolve => {
    // An upstream that takes nothing for so long is given up: our client is not read meanwhile, so its end would not be heard either.
    const timer = setTimeout(() => socket.destroy(), stallMs)
    const done = () => {
      clearTimeout(timer)
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })
}
