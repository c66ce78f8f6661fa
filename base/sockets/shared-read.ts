/**
 * Upstream sockets that read into one buffer of the process: a large download then costs no allocation and half the CPU time.
 *
 * Until `divert`, such a socket reads like any other: each chunk has memory of its own. Afterwards the taker gets every chunk in the shared
 * memory, which is valid during the call only. libuv asks for memory, reads and calls back in one go, so two sockets never use it at a time.
 */
import type { OnReadOpts } from 'node:net'
import type { Duplex } from 'node:stream'

/** Takes a chunk; false stops the reading until `socket.resume()`. */
export type Taker = (chunk: Buffer) => boolean

/** Measured: 64 KiB cost a tenth more CPU time per byte, 256 KiB no less. */
const BUFFER = Buffer.allocUnsafeSlow(128 * 1024)

const readers = new WeakMap<Duplex, { take: Taker | undefined }>()

/** Opens a socket with the `onread` option that it must pass to `net.connect`. */
export function openShared<Socket extends Duplex>(open: (onread: OnReadOpts) => Socket): Socket {
  const reader: { take: Taker | undefined } = { take: undefined }
  const socket = open({
    buffer: BUFFER,
    callback: (byteCount, memory) => {
      const chunk = (memory as Buffer).subarray(0, byteCount)
      return reader.take === undefined ? socket.push(Buffer.from(chunk)) : reader.take(chunk)
    },
  })
  readers.set(socket, reader)
  return socket
}

/** From now on `take` gets what arrives; what was buffered before still comes as 'data'. False: the socket has memory of its own. */
export function divert(socket: Duplex, take: Taker): boolean {
  const reader = readers.get(socket)
  if (reader !== undefined) reader.take = take
  return reader !== undefined
}
