/**
 * The least IMAP client that a load needs: TLS, one command at a time, replies found by their tag.
 * It is not a mail client: it reads no literals, and counts on the benign servers of a run.
 */
import type { TLSSocket } from 'node:tls'
import { connectTls, type Target } from './tls-socket.ts'

export interface Connection {
  /** Sends `TAG COMMAND` and waits for the line that begins with the tag; gives that line. */
  command(line: string): Promise<string>
  /** Uploads a message in a literal that needs no go-ahead (RFC 7888). */
  append(mailbox: string, message: Buffer): Promise<string>
  /** As `command`, without keeping what arrives: for replies of any size. Gives the bytes received. */
  drain(line: string, atLeastBytes: number): Promise<number>
  /** Sends LOGOUT and waits until the server has closed. */
  logout(): Promise<void>
  destroy(): void
  /** The newest session ticket the server gave. */
  ticket(): Buffer | undefined
  readonly socket: TLSSocket
}

const TAG = 'x'

/** Connects, waits for the greeting. `session` is a ticket of an earlier connection, to resume it. */
export async function openConnection(target: Target, session?: Buffer): Promise<Connection> {
  const reply = new Reply()
  const socket = connectTls(target, (bytes, buffer) => reply.take(bytes, buffer), session)
  let ticket: Buffer | undefined
  socket.on('session', taken => {
    ticket = taken
  })
  socket.on('error', error => reply.fail(error))
  socket.on('close', () => reply.close())
  await reply.expect('* ', 0)
  return {
    socket,
    command: async line => {
      socket.write(`${TAG} ${line}\r\n`)
      return (await reply.expect(`${TAG} `, 0)).line
    },
    append: async (mailbox, message) => {
      socket.write(`${TAG} APPEND ${mailbox} {${message.length}+}\r\n`)
      socket.write(message)
      socket.write('\r\n')
      return (await reply.expect(`${TAG} `, 0)).line
    },
    drain: async (line, atLeastBytes) => {
      socket.write(`${TAG} ${line}\r\n`)
      return (await reply.expect(`${TAG} `, atLeastBytes)).bytes
    },
    logout: async () => {
      socket.write(`${TAG} LOGOUT\r\n`)
      await reply.closed
      socket.destroy()
    },
    destroy: () => socket.destroy(),
    ticket: () => ticket,
  }
}

/** Connects and logs in; throws when the secret is refused. */
export async function openSession(target: Target, session?: Buffer): Promise<Connection> {
  const connection = await openConnection(target, session)
  const line = await connection.command(`LOGIN ${target.user} ${target.secret}`)
  if (!line.startsWith(`${TAG} OK`)) throw new Error(`login refused: ${line}`)
  return connection
}

/** Waits for one line of a given beginning at the end of what arrived. */
class Reply {
  #tail = ''
  #bytes = 0
  #prefix = ''
  #atLeast = 0
  #done: { resolve(value: { line: string; bytes: number }): void; reject(error: Error): void } | undefined
  readonly closed: Promise<void>
  #onClosed = () => {}

  constructor() {
    this.closed = new Promise(resolve => {
      this.#onClosed = resolve
    })
  }

  expect(prefix: string, atLeast: number): Promise<{ line: string; bytes: number }> {
    this.#prefix = prefix
    this.#atLeast = atLeast
    return new Promise((resolve, reject) => {
      this.#done = { resolve, reject }
      this.#look()
    })
  }

  take(bytes: number, buffer: Uint8Array): void {
    this.#bytes += bytes
    if (this.#bytes < this.#atLeast) return
    // The last line is all that matters of a long reply.
    const from = Math.max(0, bytes - 2_048)
    this.#tail = (this.#tail + Buffer.from(buffer.buffer, buffer.byteOffset + from, bytes - from).toString('latin1')).slice(-4_096)
    this.#look()
  }

  #look(): void {
    if (this.#done === undefined || !this.#tail.endsWith('\r\n')) return
    const start = this.#tail.lastIndexOf('\n', this.#tail.length - 3) + 1
    if (!this.#tail.startsWith(this.#prefix, start)) return
    const { resolve } = this.#done
    const value = { line: this.#tail.slice(start, -2), bytes: this.#bytes }
    this.#done = undefined
    this.#tail = ''
    this.#bytes = 0
    resolve(value)
  }

  fail(error: Error): void {
    this.#done?.reject(error)
    this.#done = undefined
  }

  close(): void {
    this.fail(new Error(`the server closed: ${this.#tail}`))
    this.#onClosed()
  }
}
