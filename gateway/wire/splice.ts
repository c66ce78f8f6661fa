/**
 * After login: two sockets, bytes move both ways unchanged, with back-pressure; nothing is parsed, nothing is held back.
 *
 * One side's end is passed on; the other then has `halfOpenMs`, after which both are destroyed. An error on either ends both at once.
 * The two sockets must have no reader any more; bytes that were read before the hand-over and not passed on are given as arguments.
 */
import type { Duplex } from 'node:stream'
import { divert } from '../../base/sockets/shared-read.ts'
import type { Limits } from '../limits.ts'

/** Why a splice is over: who went first, or the reason given to `end`. */
export type SpliceEnd = 'client-closed' | 'upstream-closed' | 'client-error' | 'upstream-error' | 'half-open-timeout' | 'stalled' | (string & {})

const LF = 0x0a

export class Splice {
  /** From the client to the upstream. */
  bytesIn = 0
  /** From the upstream to the client. */
  bytesOut = 0
  /** Called for each chunk of the client until it is set to undefined. */
  onClientData: ((chunk: Buffer) => void) | undefined
  readonly #client: Duplex
  readonly #upstream: Duplex
  readonly #limits: Limits
  readonly #onEnd: (why: SpliceEnd) => void
  #why: SpliceEnd | undefined
  /** We have ended it: what either side does afterwards changes nothing any more. */
  #isEnded = false
  #timer: NodeJS.Timeout | undefined
  #stallTimer: NodeJS.Timeout | undefined
  #lastByteOut = LF
  /** What the client said last has no answer yet. */
  #isAnswerOwed = false
  #closed = 0

  /** Nothing moves before `start`. `onEnd` is called once, when both sockets are closed. */
  constructor(client: Duplex, upstream: Duplex, limits: Limits, onEnd: (why: SpliceEnd) => void) {
    this.#client = client
    this.#upstream = upstream
    this.#limits = limits
    this.#onEnd = onEnd
  }

  start(clientUnread: Buffer, upstreamUnread: Buffer): void {
    const client = this.#client
    const upstream = this.#upstream
    if (upstreamUnread.length > 0) this.#onUpstreamData(upstreamUnread)
    if (clientUnread.length > 0) this.#onClientData(clientUnread)
    this.#listen(client, upstream, this.#onClientData, 'client')
    this.#listen(upstream, client, this.#onUpstreamData, 'upstream')
    // Only where the bytes are encrypted on the spot; see below.
    if ((client as { encrypted?: boolean }).encrypted === true) divert(upstream, this.#takeFromUpstream)
    if (client.destroyed) this.#finish('client-closed')
    else if (upstream.destroyed) this.#finish('upstream-closed')
    if (!upstream.writableNeedDrain) client.resume()
    if (!client.writableNeedDrain) upstream.resume()
  }

  /** Whether the last byte that the client got ended a line. */
  get isAtLineEnd(): boolean {
    return this.#lastByteOut === LF
  }

  /**
   * Whether nothing is known to be under way: all has arrived that was sent, and the upstream had the last word. A command that is worked on
   * and an upload that has stopped half-way are not at rest.
   */
  get isAtRest(): boolean {
    return !this.#isAnswerOwed && this.#client.writableLength === 0 && this.#upstream.writableLength === 0
  }

  /** Ends both sides now; the client still gets `lastReply`, if there is one and it takes it in time. */
  end(why: SpliceEnd, lastReply?: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    // Also when one side has gone already: half-open, the other could go on for half a minute.
    this.#why = why
    if (lastReply === undefined || this.#client.destroyed || this.#client.writableEnded) {
      this.#finish(why)
      return
    }
    this.#upstream.destroy()
    this.#client.end(lastReply)
    this.#restartTimer(this.#limits.disconnectMs, why)
  }

  #listen(from: Duplex, to: Duplex, onData: (chunk: Buffer) => void, side: 'client' | 'upstream'): void {
    from.on('data', onData)
    to.on('drain', () => {
      if (side === 'client') this.#clientMoves()
      from.resume()
    })
    const onEnd = () => {
      to.end()
      this.#why ??= `${side}-closed`
      if (!this.#isEnded) this.#restartTimer(this.#limits.halfOpenMs, 'half-open-timeout')
    }
    const onClose = () => {
      this.#closed += 1
      if (this.#closed === 2) {
        clearTimeout(this.#timer)
        clearTimeout(this.#stallTimer)
        this.#onEnd(this.#why ?? `${side}-closed`)
      } else if (!to.writableEnded) {
        this.#finish(`${side}-closed`)
      } // else the last bytes to the other side may still be on their way; the timer bounds that.
    }
    from.on('end', onEnd)
    from.on('error', () => this.#finish(`${side}-error`))
    from.on('close', onClose)
    // What happened before the hand-over is not told again.
    if (from.readableEnded) onEnd()
    if (from.closed) queueMicrotask(onClose)
  }

  readonly #onClientData = (chunk: Buffer): void => {
    this.bytesIn += chunk.length
    this.#isAnswerOwed = true
    this.onClientData?.(chunk)
    if (!this.#upstream.write(chunk)) {
      this.#client.pause()
      // A paused socket does not hear that its peer is gone: an upstream that takes nothing for so long is given up.
      this.#stallTimer ??= setTimeout(() => this.#finish('stalled'), this.#limits.uploadStallMs)
    }
  }

  #clientMoves(): void {
    clearTimeout(this.#stallTimer)
    this.#stallTimer = undefined
  }

  readonly #onUpstreamData = (chunk: Buffer): void => {
    this.bytesOut += chunk.length
    this.#isAnswerOwed = false
    this.#lastByteOut = chunk[chunk.length - 1] as number
    if (!this.#client.write(chunk)) this.#upstream.pause()
  }

  /**
   * SECURITY: the chunk lies in memory that all sessions share. An idle TLS socket encrypts it before `write` returns; a busy one would keep
   * a reference, so it gets a copy.
   */
  readonly #takeFromUpstream = (chunk: Buffer): boolean => {
    this.bytesOut += chunk.length
    this.#isAnswerOwed = false
    this.#lastByteOut = chunk[chunk.length - 1] as number
    return this.#client.write(this.#client.writableLength === 0 && this.#client.writableCorked === 0 ? chunk : Buffer.from(chunk))
  }

  #restartTimer(ms: number, why: SpliceEnd): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#finish(why), ms)
  }

  #finish(why: SpliceEnd): void {
    this.#why ??= why
    clearTimeout(this.#timer)
    this.#client.destroy()
    this.#upstream.destroy()
  }
}
