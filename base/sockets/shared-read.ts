/**
 * Sockets that read into one buffer of the process: bytes that only pass then cost no allocation and half the CPU time (decisions 10 and 14).
 *
 * Until `divert`, such a socket reads like any other: each chunk has memory of its own. While it is diverted, the taker gets every chunk in the
 * shared memory, which is valid during the call only. Node asks for memory, reads and calls back in one go, so two sockets never use it at a time.
 */
import type { OnReadOpts } from 'node:net'
import type { Duplex } from 'node:stream'

/** Takes a chunk; what it wants to keep it copies. `socket.pause()` stops the reading: after it a TLS socket still gives the records that it has. */
export type Taker = (chunk: Buffer) => void

/** Measured: 64 KiB cost a tenth more CPU time per byte, 256 KiB no less. SECURITY: never empty, or a TLS socket would wait for room for ever. */
const BUFFER = Buffer.allocUnsafeSlow(128 * 1024)

interface Reader {
  take: Taker | undefined
}

const readers = new WeakMap<Duplex, Reader>()

/** Opens a socket with the `onread` option that it must pass to `net.connect`. */
export function openShared<Socket extends Duplex>(open: (onread: OnReadOpts) => Socket): Socket {
  const reader: Reader = { take: undefined }
  const socket = open({ buffer: BUFFER, callback: (byteCount, memory) => give(socket, reader, (memory as Buffer).subarray(0, byteCount)) })
  readers.set(socket, reader)
  return socket
}

/** Where Node keeps the `onread` option of a socket. */
interface OnReadInternals {
  readonly _handle: { readonly useUserBuffer?: unknown } | null
  [key: symbol]: unknown
}

const KEYS = ['kBuffer', 'kBufferCb', 'kBufferGen'] as const
/** The same for all sockets of a Node: looked for once. */
let foundKeys: readonly (symbol | undefined)[] | undefined

/**
 * Makes an accepted socket, or a TLS socket over another one, for which Node ignores the `onread` option, read as if it had been given. To be called right behind
 * its constructor. What it relies on is pinned by shared-read.test.ts. False, and nothing is changed, where a Node has it otherwise.
 */
export function shareReads(socket: Duplex): boolean {
  const internals = socket as unknown as OnReadInternals
  const handle = internals._handle as { useUserBuffer(memory: Buffer): void } | null
  foundKeys ??= KEYS.map(name => Object.getOwnPropertySymbols(socket).find(({ description }) => description === name))
  const [kBuffer, kBufferCb, kBufferGen] = foundKeys
  if (kBuffer === undefined || kBufferCb === undefined || kBufferGen === undefined || typeof handle?.useUserBuffer !== 'function') return false
  if (internals[kBuffer] !== null || internals[kBufferCb] !== null || internals[kBufferGen] !== null) return false
  const reader: Reader = { take: undefined }
  internals[kBuffer] = BUFFER
  internals[kBufferCb] = (byteCount: number, memory: Buffer) => give(socket, reader, memory.subarray(0, byteCount))
  handle.useUserBuffer(BUFFER)
  readers.set(socket, reader)
  return true
}

/** From now on `take` gets what arrives, until it is set to undefined; what was buffered before still comes as 'data'. False: the socket has memory of its own. */
export function divert(socket: Duplex, take: Taker | undefined): boolean {
  const reader = readers.get(socket)
  if (reader !== undefined) reader.take = take
  return reader !== undefined
}

/** False stops the reading until the socket is read from, or told to `resume()`. */
function give(socket: Duplex, { take }: Reader, chunk: Buffer): boolean {
  // What waits in the socket came first.
  if (take === undefined || socket.readableLength > 0) return socket.push(Buffer.from(chunk))
  take(chunk)
  return true
}
