/**
 * One direction between two sockets: what is read from one is written to the other, unchanged and in order.
 *
 * What a TLS socket gives comes in records of 16 KiB; those of one turn of the loop leave in one write. While the receiver has not taken what was
 * written, the sender is paused; what it still gives, which is what OpenSSL has by then, leaves in the next. Meanwhile nobody else may write to the
 * receiver: the end of our write is what wakes us. Nothing is allocated on the way: chunks come in memory that all sessions share (shared-read.ts),
 * and wait, if they must, in a piece of the pool.
 *
 * SECURITY: no memory of somebody else's reading is ever written from. The shared memory is written from only where the bytes are encrypted before
 * `write` returns; a piece goes back to the pool only when its write is over. How much a session with a slow receiver holds: decision 14.
 */
import type { Duplex } from 'node:stream'
import { MEMORY_POOL, type MemoryPool, PIECE_BYTES } from './memory-pool.ts'

/** Less than this is small talk: its write keeps no piece busy, and nobody waits until it is taken. */
const SMALL_BYTES = 8 * 1024

export interface TransferOptions {
  /** What to do when the receiver has taken nothing for so long: a paused sender does not tell that its peer is gone. */
  readonly stall?: { readonly ms: number; readonly onStalled: () => void }
  readonly pool?: MemoryPool
}

export class Transfer {
  readonly #from: Duplex
  readonly #to: Duplex
  readonly #stall: TransferOptions['stall']
  readonly #pool: MemoryPool
  /** A chunk may be followed by more in the same turn of the loop. */
  readonly #isInRecords: boolean
  /** An idle receiver has encrypted when `write` returns (TLSWrap::DoWrite copies what OpenSSL could not take at once): the memory is free again. */
  readonly #encrypts: boolean
  #piece: Buffer | undefined
  #gathered = 0
  #immediate: NodeJS.Immediate | undefined
  #isWaiting = false
  #stallTimer: NodeJS.Timeout | undefined
  #whenTaken: (() => void) | undefined
  #isClosed = false

  constructor(from: Duplex, to: Duplex, { stall, pool = MEMORY_POOL }: TransferOptions = {}) {
    this.#from = from
    this.#to = to
    this.#stall = stall
    this.#pool = pool
    this.#isInRecords = isTls(from)
    this.#encrypts = isTls(to)
  }

  /** Whether all that was given to it has been taken by the receiver's kernel. */
  get isAtRest(): boolean {
    return this.#gathered === 0 && this.#to.writableLength === 0
  }

  /** The sender is paused, and will be resumed. */
  get isWaiting(): boolean {
    return this.#isWaiting
  }

  /** Passes on bytes that are in memory of their own. */
  pass(bytes: Buffer): void {
    if (this.#isClosed || bytes.length === 0) return
    this.flush()
    if (!this.#to.write(bytes, this.#onTaken)) this.#wait()
  }

  /** Passes on bytes whose memory is used for something else as soon as this returns. */
  passShared(chunk: Buffer): void {
    if (this.#isClosed || chunk.length === 0) return
    if (!this.#isInRecords && this.#encrypts && this.#gathered === 0 && this.#isIdle) {
      this.#to.write(chunk, this.#onTaken)
      if (chunk.length >= SMALL_BYTES || this.#to.writableNeedDrain) this.#wait()
    } else if (this.#gather(chunk)) {
      if (!this.#isInRecords) this.flush()
      // What a paused TLS socket still gives leaves when the receiver has taken what is on its way.
      else if (!this.#isWaiting) this.#immediate ??= setImmediate(this.#onTurnOver)
    } else {
      this.pass(Buffer.from(chunk))
      this.#wait()
    }
  }

  /** Writes what was gathered. */
  flush(): void {
    const piece = this.#piece
    if (piece === undefined) return
    const bytes = piece.subarray(0, this.#gathered)
    this.#piece = undefined
    this.#gathered = 0
    if (this.#immediate !== undefined) clearImmediate(this.#immediate)
    this.#immediate = undefined
    if (bytes.length < SMALL_BYTES) {
      const own = Buffer.from(bytes)
      this.#pool.give(piece)
      return this.pass(own)
    }
    const wasIdle = this.#isIdle
    let isOurs = true
    const giveBack = () => {
      if (isOurs) this.#pool.give(piece)
      isOurs = false
    }
    this.#to.write(bytes, () => {
      giveBack()
      this.#onTaken()
    })
    if (this.#to.writableLength > 0) this.#wait()
    if (wasIdle && (this.#encrypts || this.#to.writableLength === 0)) giveBack()
  }

  /** Resolves when nobody waits any more for the receiver to take what was written. */
  async taken(): Promise<void> {
    if (!this.#isWaiting) return
    // A socket calls back for its write also when it is destroyed; not every stream does.
    this.#to.once('close', this.#onTaken)
    await new Promise<void>(resolve => {
      this.#whenTaken = resolve
    })
    this.#to.off('close', this.#onTaken)
  }

  /** Nothing more is passed on; what was gathered and not written is forgotten. The memory of a write under way comes back when that is over. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#immediate !== undefined) clearImmediate(this.#immediate)
    if (this.#piece !== undefined) this.#pool.give(this.#piece)
    this.#piece = undefined
    this.#gathered = 0
    this.#goOn()
  }

  get #isIdle(): boolean {
    return this.#to.writableLength === 0 && this.#to.writableCorked === 0
  }

  /** False: there is no room for it, and what was gathered before has been written. */
  #gather(chunk: Buffer): boolean {
    if (this.#gathered + chunk.length > PIECE_BYTES) this.flush()
    if (chunk.length > PIECE_BYTES) return false
    // SECURITY: never the piece of a write: `flush` has let go of that.
    this.#piece ??= this.#isWaiting ? this.#pool.takeToWait() : this.#pool.take()
    if (this.#piece === undefined) return false
    this.#piece.set(chunk, this.#gathered)
    this.#gathered += chunk.length
    return true
  }

  readonly #onTurnOver = (): void => {
    this.#immediate = undefined
    this.flush()
  }

  #wait(): void {
    if (this.#isWaiting || this.#isClosed || this.#to.writableLength === 0) return
    this.#isWaiting = true
    this.#from.pause()
    this.#startStallTimer()
  }

  #startStallTimer(): void {
    clearTimeout(this.#stallTimer)
    if (this.#stall !== undefined) this.#stallTimer = setTimeout(this.#stall.onStalled, this.#stall.ms)
  }

  /** At the end of every write, as below the high-water mark no 'drain' is told; and when the receiver has gone. */
  readonly #onTaken = (): void => {
    if (!this.#isWaiting) return
    if (this.#to.writableLength === 0 && !this.#to.destroyed) this.flush()
    // Slow, and not stalled.
    if (this.#to.writableLength > 0 && !this.#to.destroyed) return this.#startStallTimer()
    this.#goOn()
    if (!this.#isClosed) this.#from.resume()
  }

  #goOn(): void {
    if (!this.#isWaiting) return
    this.#isWaiting = false
    clearTimeout(this.#stallTimer)
    this.#whenTaken?.()
    this.#whenTaken = undefined
  }
}

function isTls(socket: Duplex): boolean {
  return (socket as { encrypted?: boolean }).encrypted === true
}
