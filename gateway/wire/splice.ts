/**
 * After login: two sockets, bytes move both ways unchanged, with back-pressure; nothing is parsed, nothing is held back.
 *
 * One side's end is passed on; the other then has `halfOpenMs`, after which both are destroyed. An error on either ends both at once.
 * The two sockets must have no reader any more; bytes that were read before the hand-over and not passed on are given as arguments.
 */
import type { Duplex } from 'node:stream'
import { divert } from '../../base/sockets/shared-read.ts'
import type { Limits } from '../limits.ts'
import { Transfer } from './transfer.ts'

/** Why a splice is over: who went first, or the reason given to `end`. */
export type SpliceEnd = 'client-closed' | 'upstream-closed' | 'client-error' | 'upstream-error' | 'half-open-timeout' | 'stalled' | (string & {})

const LF = 0x0a

export class Splice {
  /** From the client to the upstream. */
  bytesIn = 0
  /** From the upstream to the client. */
  bytesOut = 0
  /** Called for each chunk of the client until it is set to undefined. The chunk's memory is somebody else's afterwards. */
  onClientData: ((chunk: Buffer) => void) | undefined
  readonly #client: Duplex
  readonly #upstream: Duplex
  readonly #limits: Limits
  readonly #onEnd: (why: SpliceEnd) => void
  readonly #up: Transfer
  readonly #down: Transfer
  #why: SpliceEnd | undefined
  /** We have ended it: what either side does afterwards changes nothing any more. */
  #isEnded = false
  #timer: NodeJS.Timeout | undefined
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
    this.#up = new Transfer(client, upstream, { stall: { ms: limits.uploadStallMs, onStalled: () => this.#finish('stalled') } })
    this.#down = new Transfer(upstream, client)
  }

  start(clientUnread: Buffer, upstreamUnread: Buffer): void {
    const client = this.#client
    const upstream = this.#upstream
    const onClientData = (chunk: Buffer) => {
      this.#seeClientData(chunk)
      this.#up.pass(chunk)
    }
    const onUpstreamData = (chunk: Buffer) => {
      this.#seeUpstreamData(chunk)
      this.#down.pass(chunk)
    }
    if (upstreamUnread.length > 0) onUpstreamData(upstreamUnread)
    if (clientUnread.length > 0) onClientData(clientUnread)
    this.#listen(client, upstream, this.#up, onClientData, 'client')
    this.#listen(upstream, client, this.#down, onUpstreamData, 'upstream')
    divert(client, chunk => {
      this.#seeClientData(chunk)
      this.#up.passShared(chunk)
    })
    divert(upstream, chunk => {
      this.#seeUpstreamData(chunk)
      this.#down.passShared(chunk)
    })
    if (client.destroyed) this.#finish('client-closed')
    else if (upstream.destroyed) this.#finish('upstream-closed')
    if (!this.#up.isWaiting) client.resume()
    if (!this.#down.isWaiting) upstream.resume()
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
    return !this.#isAnswerOwed && this.#up.isAtRest && this.#down.isAtRest
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
    this.#down.flush()
    this.#client.end(lastReply)
    this.#restartTimer(this.#limits.disconnectMs, why)
  }

  #listen(from: Duplex, to: Duplex, transfer: Transfer, onData: (chunk: Buffer) => void, side: 'client' | 'upstream'): void {
    from.on('data', onData)
    const onEnd = () => {
      transfer.flush()
      to.end()
      this.#why ??= `${side}-closed`
      if (!this.#isEnded) this.#restartTimer(this.#limits.halfOpenMs, 'half-open-timeout')
    }
    const onClose = () => {
      this.#closed += 1
      if (this.#closed === 2) {
        clearTimeout(this.#timer)
        this.#close()
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

  #seeClientData(chunk: Buffer): void {
    this.bytesIn += chunk.length
    this.#isAnswerOwed = true
    this.onClientData?.(chunk)
  }

  #seeUpstreamData(chunk: Buffer): void {
    this.bytesOut += chunk.length
    this.#isAnswerOwed = false
    this.#lastByteOut = chunk[chunk.length - 1] as number
  }

  #restartTimer(ms: number, why: SpliceEnd): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#finish(why), ms)
  }

  #finish(why: SpliceEnd): void {
    this.#why ??= why
    clearTimeout(this.#timer)
    this.#close()
    this.#client.destroy()
    this.#upstream.destroy()
  }

  #close(): void {
    this.#up.close()
    this.#down.close()
  }
}
