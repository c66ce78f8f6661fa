/**
 * A spare file beside a database: room on the disk that is given up when a change that ends access finds the disk full, so that a full disk
 * does not disarm revocation. What is left of it is taken back at once, before anybody else fills it.
 *
 * Invariants: it is 0600 and holds nothing but noise; a gateway makes it and fills it up again when there is room for much more than it.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, statfsSync, writeSync } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { takeOwnerOf } from '../../base/files/durable-file.ts'
import type { StoreSpace } from '../schema/backend.ts'

/** A change that revokes writes some twenty pages of 4 KiB: enough for dozens of them, whatever others fill up in between. */
const RESERVE_BYTES = 4 * 1024 * 1024
/** Eight times what gathers beside a database before it is folded in: time to act before it is used up. */
const LOW_BYTES = 8 * RESERVE_BYTES
const CHUNK_BYTES = 256 * 1024

export class SqliteReserve {
  readonly #database: string
  readonly #path: string

  constructor(database: string) {
    this.#database = database
    this.#path = `${database}-reserve`
  }

  /** Makes it whole, unless that would itself fill the disk. Its lack is seen by `readSpace`, and is no reason not to serve. */
  keep(): void {
    this.#withFile('a', file => {
      const missing = RESERVE_BYTES - fstatSync(file).size
      if (missing <= 0 || freeBytesOf(statfsSync(dirname(this.#path))) < missing + RESERVE_BYTES) return
      takeOwnerOf(this.#path, this.#database)
      fillUp(file)
    })
  }

  /** Gives its room up. False: it has none. */
  release(): boolean {
    return (
      this.#withFile('r+', file => {
        if (fstatSync(file).size === 0) return false
        ftruncateSync(file, 0)
        // Some file systems hand blocks out again only after they have written down that these are free.
        fsyncSync(file)
        return true
      }) ?? false
    )
  }

  /** Takes back what is left of the room. */
  takeBack(): void {
    this.#withFile('r+', fillUp)
  }

  async readSpace(): Promise<StoreSpace> {
    const [disk, reserve] = await Promise.all([statfs(dirname(this.#path)), stat(this.#path).catch(() => ({ size: 0 }))])
    const freeBytes = freeBytesOf(disk)
    return { freeBytes, reserveBytes: reserve.size, isLow: freeBytes < LOW_BYTES }
  }

  /** Undefined when the file cannot be used: it is never the reason why a change fails. */
  #withFile<Result>(flags: 'a' | 'r+', act: (file: number) => Result): Result | undefined {
    let file: number | undefined
    try {
      file = openSync(this.#path, flags, 0o600)
      return act(file)
    } catch {
      return undefined
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }
}

/** Noise: file systems that compress would keep no room for anything else. */
function fillUp(file: number): void {
  let { size } = fstatSync(file)
  const noise = randomBytes(CHUNK_BYTES)
  while (size < RESERVE_BYTES) size += writeSync(file, noise, 0, Math.min(CHUNK_BYTES, RESERVE_BYTES - size), size)
}

/** For those who are not root: some file systems keep a share for root. */
function freeBytesOf({ bavail, bsize }: { readonly bavail: number; readonly bsize: number }): number {
  return bavail * bsize
}
