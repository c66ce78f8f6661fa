/**
 * Bytes that are kept until something can be decided about them. One copy for each byte that arrives, whatever the size of the pieces:
 * the memory doubles, and a search begins where the last one ended.
 */

const LEAST_BYTES = 256
const NOTHING = Buffer.alloc(0)

export class HeldBytes {
  #memory: Buffer = NOTHING
  #length = 0

  get length(): number {
    return this.#length
  }

  /** What is held, without a copy; valid until the next `append`. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length)
  }

  append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length
    if (needed > this.#memory.length) {
      // Not of Node's pool: a small piece of it that lives on would keep 64 KiB.
      const grown = Buffer.allocUnsafeSlow(Math.max(2 * needed, LEAST_BYTES))
      this.#memory.copy(grown, 0, 0, this.#length)
      this.#memory = grown
    }
    this.#memory.set(bytes, this.#length)
    this.#length = needed
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.#memory = NOTHING
    this.#length = 0
  }
}
