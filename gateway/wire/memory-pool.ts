/**
 * Pieces of memory for what is on its way from one socket to another. A piece has one owner, who takes it, and gives it back when nobody reads
 * from it or writes into it any more.
 */

/** Eight TLS records; more are seldom read in one turn of the loop. */
export const PIECE_BYTES = 128 * 1024

export class MemoryPool {
  /** Pieces that are out at a time: 32 MiB. Beyond, each chunk is copied into memory of its own: dearer, and smaller. */
  static readonly MAX_TAKEN = 256
  /** Pieces that are kept for the next: 1 MiB. Receivers that are not slow need one at a time. */
  static readonly MAX_KEPT = 8
  readonly #free: Buffer[] = []
  #taken = 0

  /** Pieces that are out. */
  get taken(): number {
    return this.#taken
  }

  take(): Buffer | undefined {
    if (this.#taken >= MemoryPool.MAX_TAKEN) return undefined
    this.#taken += 1
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES)
  }

  /** For what comes while a receiver is slow, and stays as long as that is: half of the pieces are left to those that move. */
  takeToWait(): Buffer | undefined {
    return this.#taken >= MemoryPool.MAX_TAKEN / 2 ? undefined : this.take()
  }

  give(piece: Buffer): void {
    this.#taken -= 1
    if (this.#free.length < MemoryPool.MAX_KEPT) this.#free.push(piece)
  }
}

/** All transfers of the process use this one. */
export const MEMORY_POOL = new MemoryPool()
