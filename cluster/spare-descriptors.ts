/**
 * File descriptors kept for what must work when there are none left: they are given up for one act and taken back after it.
 * An act that is over when it returns finds them free: nobody else on the loop runs meanwhile.
 */
import { closeSync, openSync } from 'node:fs'

/** Starting a program takes a pipe, and in the child a moment later one for its empty input and output. */
const SPARE = 4

export class SpareDescriptors {
  readonly #held: number[] = []

  constructor() {
    this.#take()
  }

  /** Gives what `act` gives, throws what it throws. */
  lend<Result>(act: () => Result): Result {
    this.close()
    try {
      return act()
    } finally {
      this.#take()
    }
  }

  close(): void {
    for (const descriptor of this.#held.splice(0)) closeSync(descriptor)
  }

  /** As many as there are: another thread may have been faster, and the next time it may work. */
  #take(): void {
    try {
      while (this.#held.length < SPARE) this.#held.push(openSync('/dev/null', 'r'))
    } catch {
      // Told by whoever needs one next.
    }
  }
}
