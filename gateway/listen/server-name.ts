/**
 * RFC 6066 §3: the name that a client asks for in its ClientHello. The certificates for it are chosen before the handshake begins, since
 * Node takes only one of them from an SNICallback. SECURITY: read before any login; whatever is odd gives no name, and OpenSSL judges the message.
 */

/** Heads of record and message, version, random. */
const FIXED_BYTES = 5 + 4 + 2 + 32
const SERVER_NAME = 0
const HOST_NAME = 0
/** RFC 1035 §2.3.4: no name of a host is longer. */
const MAX_NAME_BYTES = 255

/** `hello`: one record with a whole ClientHello in it. */
export function readServerName(hello: Buffer): string | undefined {
  const read = new Cursor(hello.subarray(FIXED_BYTES))
  read.vector(1) // session id
  read.vector(2) // cipher suites
  read.vector(1) // compression
  const extensions = new Cursor(read.vector(2))
  while (extensions.hasMore) {
    const type = extensions.number(2)
    const names = new Cursor(new Cursor(extensions.vector(2)).vector(2))
    if (type !== SERVER_NAME) continue
    if (names.number(1) !== HOST_NAME) return undefined
    const name = names.vector(2)
    return name.length > MAX_NAME_BYTES || !/^[\x21-\x7e]+$/.test(name.toString('latin1')) ? undefined : name.toString('latin1')
  }
  return undefined
}

/** Reads on; past the end there are zeros and empty vectors. */
class Cursor {
  #rest: Buffer

  constructor(bytes: Buffer) {
    this.#rest = bytes
  }

  get hasMore(): boolean {
    return this.#rest.length > 0
  }

  number(bytes: 1 | 2): number {
    const value = this.#rest.length < bytes ? 0 : this.#rest.readUIntBE(0, bytes)
    this.#rest = this.#rest.subarray(bytes)
    return value
  }

  /** Bytes behind their length. */
  vector(lengthBytes: 1 | 2): Buffer {
    const length = this.number(lengthBytes)
    const value = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return value
  }
}
