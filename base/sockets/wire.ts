/**
 * A socket to read from by pulling: lines and blocks of known length, each with an upper bound.
 *
 * It buffers what arrives, copies nothing ahead of it, and pauses the socket when more than `maxBufferedBytes` wait.
 * It owns the socket's listeners until `release()`, which hands the socket and the unread bytes to the next owner.
 * One read at a time. After the peer's end, an error or `abort()`, every read rejects.
 */
import type { Duplex } from 'node:stream'
import { MailwicketError } from '../errors.ts'
import { divert } from './shared-read.ts'

/** Made once: an error with its stack trace costs more than the rest of a hand-over. */
const HANDED_OVER = new MailwicketError('WIRE_CLOSED', { message: 'the connection was handed over' })
const NOTHING = Buffer.alloc(0)
const LF = 0x0a
const CR = 0x0d

interface PendingRead {
  /** Number of bytes to take, or undefined when more must arrive. Throws when a limit is broken. */
  readonly measure: () => number | undefined
  readonly resolve: (bytes: Buffer) => void
  readonly reject: (error: Error) => void
}

export class Wire {
  readonly socket: Duplex
  /** Called once when the peer is gone or `abort` was called, also while nobody reads. */
  onGone: ((error: Error) => void) | undefined
  /** All bytes received. */
  bytesReceived = 0
  readonly #maxBufferedBytes: number
  #buffer: Buffer = NOTHING
  #start = 0
  #end = 0
  /** Position up to which no LF was found, so that one-byte writes do not cost quadratic time. */
  #scanned = 0
  #pending: PendingRead | undefined
  #rejectDrain: ((error: Error) => void) | undefined
  #failure: Error | undefined

  constructor(socket: Duplex, maxBufferedBytes: number) {
    this.socket = socket
    this.#maxBufferedBytes = maxBufferedBytes
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onEnd)
    socket.on('error', this.#onError)
    // What happened before is not told again.
    if (socket.readableEnded || socket.destroyed) this.#onEnd()
  }

  /** The next line without its CRLF or LF. Rejects with WIRE_LIMIT when it has more than `maxBytes` octets. */
  readLine(maxBytes: number): Promise<Buffer> {
    return this.#read(() => this.#measureLine(maxBytes), withoutLineEnd)
  }

  /** The next line with its CRLF or LF, which `maxBytes` does not count. */
  readRawLine(maxBytes: number): Promise<Buffer> {
    return this.#read(() => this.#measureLine(maxBytes))
  }

  /** Whatever has arrived, at least one octet. */
  readSome(maxBytes: number = Number.POSITIVE_INFINITY): Promise<Buffer> {
    return this.#read(() => (this.#end > this.#start ? Math.min(this.#end - this.#start, maxBytes) : undefined))
  }

  /** Gives back octets that were read last: the next read begins with them. */
  putBack(bytes: Buffer): void {
    if (bytes.length === 0) return
    if (this.#isJustBefore(bytes)) {
      this.#start -= bytes.length
      this.#scanned = this.#start
      return
    }
    // Nothing is written into it: it is full.
    if (!this.hasUnread) this.#buffer = bytes
    else this.#buffer = Buffer.concat([bytes, this.#buffer.subarray(this.#start, this.#end)])
    this.#start = this.#scanned = 0
    this.#end = this.#buffer.length
  }

  /** Whether they still stand in the buffer before what is read next: then nothing has to be copied. */
  #isJustBefore(bytes: Buffer): boolean {
    const isSameMemory = bytes.buffer === this.#buffer.buffer && this.#start >= bytes.length
    return isSameMemory && bytes.byteOffset + bytes.length === this.#buffer.byteOffset + this.#start
  }

  /** The next `byteCount` octets. The caller has checked the number against its limit. */
  async readExactly(byteCount: number): Promise<Buffer> {
    return byteCount === 0 ? NOTHING : this.#read(() => (this.#end - this.#start >= byteCount ? byteCount : undefined))
  }

  /**
   * Gives each chunk to `take` as it arrives, in memory that is valid during the call only (shared-read.ts), until `take` gives back what it does not
   * want of it: the next read begins with that. Rejects as a read does. Undefined: the socket has no such memory, or something waits to be read.
   */
  divert(take: (chunk: Buffer) => Buffer | undefined): Promise<void> | undefined {
    const { socket } = this
    if (this.#pending !== undefined) throw new Error('two reads at a time')
    if (this.hasUnread || socket.readableLength > 0 || this.#failure !== undefined) return undefined
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const stop = () => {
      divert(socket, undefined)
      this.#pending = undefined
    }
    const fail = (error: Error) => {
      stop()
      reject(error)
    }
    const isDiverted = divert(socket, chunk => {
      this.bytesReceived += chunk.length
      try {
        const rest = take(chunk)
        if (rest === undefined) return
        stop()
        if (rest.length > 0) this.#append(Buffer.from(rest))
        resolve()
      } catch (error) {
        fail(error as Error)
      }
    })
    if (!isDiverted) return undefined
    // Whatever ends a read ends this.
    this.#pending = { measure: () => undefined, resolve: () => {}, reject: fail }
    if (socket.isPaused()) socket.resume()
    return promise
  }

  write(data: string | Uint8Array): void {
    if (this.#failure === undefined) this.socket.write(data)
  }

  /** Resolves when the peer has taken what was written, at once when it is not slow; rejects when it is gone. */
  async drained(): Promise<void> {
    const { socket } = this
    if (!socket.writableNeedDrain) return
    if (this.#failure !== undefined) throw this.#failure
    await new Promise<void>((resolve, reject) => {
      this.#rejectDrain = reject
      socket.once('drain', resolve)
    })
    this.#rejectDrain = undefined
  }

  /** Whether bytes wait that nobody has read. */
  get hasUnread(): boolean {
    return this.#end > this.#start
  }

  /** Forgets what was not read; rejects the pending and all later reads with `error`. The socket stays as it is. */
  abort(error: Error): void {
    this.#buffer = NOTHING
    this.#start = this.#end = this.#scanned = 0
    this.#fail(error)
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    const { onGone } = this
    this.onGone = undefined
    const pending = this.#pending
    this.#pending = undefined
    pending?.reject(error)
    this.#rejectDrain?.(error)
    onGone?.(error)
  }

  /** Gives the socket away: paused, without a listener of ours, with the bytes that were not read. */
  release(): { socket: Duplex; unread: Buffer } {
    const unread = this.#buffer.subarray(this.#start, this.#end)
    this.#failure ??= HANDED_OVER
    this.onGone = undefined
    this.socket.pause()
    this.socket.off('data', this.#onData)
    this.socket.off('end', this.#onEnd)
    this.socket.off('close', this.#onEnd)
    this.socket.off('error', this.#onError)
    this.#buffer = NOTHING
    return { socket: this.socket, unread }
  }

  #measureLine(maxBytes: number): number | undefined {
    const at = this.#buffer.subarray(0, this.#end).indexOf(LF, this.#scanned)
    const length = (at < 0 ? this.#end : at + 1) - this.#start
    if (length > maxBytes + 2) throw new MailwicketError('WIRE_LIMIT', { message: `a line of more than ${maxBytes} octets` })
    if (at >= 0) return length
    this.#scanned = this.#end
    return undefined
  }

  #read(measure: () => number | undefined, shape?: (bytes: Buffer) => Buffer): Promise<Buffer> {
    if (this.#pending !== undefined) throw new Error('two reads at a time')
    return new Promise((resolve, reject) => {
      this.#pending = { measure, resolve: shape === undefined ? resolve : bytes => resolve(shape(bytes)), reject }
      this.#serve()
      if (this.#pending !== undefined) {
        if (this.#failure !== undefined) {
          this.#pending = undefined
          reject(this.#failure)
        } else if (this.socket.isPaused()) {
          this.socket.resume()
        }
      }
    })
  }

  #serve(): void {
    const pending = this.#pending
    if (pending === undefined) return
    try {
      const length = pending.measure()
      if (length === undefined) return
      const bytes = this.#buffer.subarray(this.#start, this.#start + length)
      this.#start += length
      this.#scanned = this.#start
      if (this.#start === this.#end) {
        this.#buffer = NOTHING
        this.#start = this.#end = this.#scanned = 0
      }
      this.#pending = undefined
      pending.resolve(bytes)
    } catch (error) {
      this.#pending = undefined
      pending.reject(error as Error)
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    this.bytesReceived += chunk.length
    this.#append(chunk)
    this.#serve()
    if (this.#pending === undefined && this.#end - this.#start > this.#maxBufferedBytes) this.socket.pause()
  }

  #append(chunk: Buffer): void {
    if (this.#end === 0) {
      this.#buffer = chunk
      this.#end = chunk.length
      return
    }
    const used = this.#end - this.#start
    if (this.#end + chunk.length > this.#buffer.length) {
      // At most twice what arrived: a declared size never allocates. Slices already handed out keep the old memory.
      const grown = Buffer.allocUnsafe(Math.max(2 * (used + chunk.length), 256))
      this.#buffer.copy(grown, 0, this.#start, this.#end)
      this.#buffer = grown
      this.#scanned -= this.#start
      this.#start = 0
      this.#end = used
    }
    chunk.copy(this.#buffer, this.#end)
    this.#end += chunk.length
  }

  /** What the peer sent before it left can still be read. */
  readonly #onEnd = (): void => {
    this.#fail(new MailwicketError('WIRE_CLOSED'))
  }

  readonly #onError = (error: Error): void => {
    this.#fail(new MailwicketError('WIRE_CLOSED', { message: `the connection broke: ${error.message}`, cause: error }))
  }
}

function withoutLineEnd(line: Buffer): Buffer {
  return line.subarray(0, line.length - (line.at(-2) === CR ? 2 : 1))
}
