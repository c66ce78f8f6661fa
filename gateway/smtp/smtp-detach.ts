/**
 * The seam to smtp-server: gives it a socket, sees each line before it does, and takes the socket back with nothing of it left behind.
 *
 * It relies on what smtp-server 3 does not document: `connections`, `connect`, `_socket`, `_parser` (its `_remainder`, `_write` and 'error'), `_onCommand`,
 * `_sendGreeting`, `connectionReady`. `smtp-detach.test.ts` pins each of them, so that an upgrade that changes one fails loudly.
 */
import type { Duplex } from 'node:stream'
import type { SMTPServer } from 'smtp-server'
import { HeldBytes } from '../../base/sockets/held-bytes.ts'

const LF = 0x0a
/** smtp-server's own limit is the same. */
const MAX_LINE_BYTES = 16 * 1024

/** Says what becomes of a line: a line for smtp-server, or nothing that it sees. Then `done` must be called before the next line comes. */
export type LineFilter = (line: Buffer, done: () => void) => Buffer | 'taken'

interface Parser extends NodeJS.WritableStream {
  _remainder: string
  isClosed: boolean
  readonly writableLength: number
  _write(chunk: Buffer, encoding: BufferEncoding, next: (error?: Error) => void): void
}

interface Internals {
  _socket: Duplex
  _parser: Parser
  _closed: boolean
  _onCommand(line: Buffer, done: (() => void) | undefined): void
  _sendGreeting(): void
  connectionReady(next?: () => void): void
}

/** A connection that smtp-server serves at present. */
export interface ServedConnection {
  /** Takes the socket back: unpiped, paused, without a listener or timer of smtp-server. */
  detach(): Duplex
  /** Whether the client sent more than the line that was served last; tells the truth only after its `done()`. */
  readonly hasPipelined: boolean
}

export interface ServeOptions {
  readonly filter: LineFilter
  /** Not after STARTTLS: RFC 3207 §4.2 begins anew without a greeting. */
  readonly greeting: 'greet' | 'silent'
  /** Told of a line that is longer than smtp-server keeps. */
  readonly onTooLong: () => void
  /** Told what the filter throws: one session's defect must not reach the socket's data pipe, and with it the process. */
  readonly onBug: (error: unknown) => void
}

export function serveBySmtpServer(server: SMTPServer, socket: Duplex, { filter, greeting, onTooLong, onBug }: ServeOptions): ServedConnection {
  const own = listenersOf(socket)
  // The set is swapped for a moment: the one new member is our connection, without a search among thousands.
  const others = server.connections
  server.connections = new Set()
  server.connect(socket as never, undefined as never)
  const [connection] = server.connections as unknown as Set<Internals>
  if (connection === undefined) throw new Error('smtp-server has not kept the connection')
  others.add(connection as never)
  server.connections = others
  const begun = giveWholeLines(connection._parser)
  const onCommand = connection._onCommand.bind(connection)
  connection._onCommand = (line, done) => {
    // At the client's FIN smtp-server serves what it has of a line, without `done`. RFC 5321 §2.3.8: a line without its CRLF is no command.
    if (done === undefined) return
    try {
      const passed = filter(line, done)
      if (passed !== 'taken') onCommand(passed, done)
    } catch (error) {
      onBug(error)
    }
  }
  // Its own listener would answer, and we would only see that the connection is closed.
  connection._parser.removeAllListeners('error').on('error', onTooLong)
  if (greeting === 'silent') connection._sendGreeting = () => {}
  // smtp-server would wait 100 ms for clients that talk too soon; our cap is on bytes.
  const ready = connection.connectionReady.bind(connection)
  connection.connectionReady = () => {}
  ready()
  return {
    detach: () => detach(server, connection, own),
    get hasPipelined() {
      return begun.length > 0 || hasPipelined(connection)
    },
  }
}

/**
 * Keeps the beginning of a line from the parser until its end is there: it would put it together anew with each piece that comes, and look
 * through all of it. Gives what is kept.
 */
function giveWholeLines(parser: Parser): HeldBytes {
  const begun = new HeldBytes()
  const write = parser._write.bind(parser)
  parser._write = (chunk, encoding, next) => {
    const end = chunk.lastIndexOf(LF) + 1
    begun.append(end === 0 ? chunk : chunk.subarray(0, end))
    // The parser says that a line is too long.
    if (end === 0 && begun.length <= MAX_LINE_BYTES) return next()
    const lines = begun.bytes
    begun.clear()
    if (end > 0 && end < chunk.length) begun.append(chunk.subarray(end))
    write(lines, encoding, next)
  }
  return begun
}

function hasPipelined({ _parser: parser, _socket: socket }: Internals): boolean {
  return (parser && (parser._remainder !== '' || parser.writableLength > 0)) || socket.readableLength > 0
}

function detach(server: SMTPServer, connection: Internals, own: ReadonlyMap<string | symbol, readonly unknown[]>): Duplex {
  const { _socket: socket, _parser: parser } = connection
  if (parser) {
    socket.unpipe(parser)
    parser.isClosed = true
  }
  socket.pause()
  ;(socket as unknown as { setTimeout(ms: number): void }).setTimeout?.(0)
  server.connections.delete(connection as never)
  connection._closed = true
  for (const [event, before] of [...listenersOf(socket).keys()].map(event => [event, own.get(event) ?? []] as const)) {
    for (const listener of socket.rawListeners(event)) if (!before.includes(listener)) socket.off(event, listener as () => void)
  }
  return socket
}

function listenersOf(socket: Duplex): ReadonlyMap<string | symbol, readonly unknown[]> {
  return new Map(socket.eventNames().map(event => [event, socket.rawListeners(event)]))
}
