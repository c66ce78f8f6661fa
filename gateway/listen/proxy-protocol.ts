/**
 * The PROXY protocol (versions 1 and 2, by HAProxy's specification): a balancer in front says whose connection it passes on.
 *
 * The header is demanded where a listener names the balancers' networks, before TLS and before any greeting. Exactly its octets are taken
 * from the socket; whatever follows stays there for TLS. SECURITY: it is believed only from the networks named.
 */
import { isIP, type Socket } from 'node:net'
import { MailwicketError } from '../../base/errors.ts'
import type { Endpoint } from '../../base/network.ts'
import { PROXY_SIGNATURE } from '../../base/sockets/proxy-header.ts'

/** The real client; undefined: the balancer speaks for itself (version 2 LOCAL, version 1 UNKNOWN). */
export interface ProxiedClient {
  readonly ip: string
  readonly port: number
  /** What it connected to. */
  readonly destination: Endpoint
}

const V2_HEAD_BYTES = 16
/** The specification's own bound for version 1, CRLF included. */
const V1_MAX_BYTES = 107
/** Addresses and TLVs of version 2; a balancer's certificates and names take some hundred octets. */
const V2_MAX_BYTES = 4096

/** Reads the header. Throws WIRE_SYNTAX, WIRE_LIMIT, WIRE_CLOSED, WIRE_TIMEOUT; the socket is to be closed then. */
export async function readProxyHeader(socket: Socket, timeoutMs: number): Promise<ProxiedClient | undefined> {
  const timer = setTimeout(() => socket.destroy(new Error('no PROXY header in time')), timeoutMs)
  try {
    // The shortest header of either version has fifteen octets: `PROXY UNKNOWN` and its CRLF.
    const start = await take(socket, PROXY_SIGNATURE.length)
    if (start.equals(PROXY_SIGNATURE)) return await readV2(socket)
    if (start.subarray(0, 6).toString('latin1') === 'PROXY ') return await readV1(socket, start)
    throw syntax('the connection does not begin with a PROXY header')
  } finally {
    clearTimeout(timer)
  }
}

async function readV1(socket: Socket, start: Buffer): Promise<ProxiedClient | undefined> {
  let line = start.toString('latin1')
  while (!line.endsWith('\r\n')) {
    if (line.length >= V1_MAX_BYTES) throw new MailwicketError('WIRE_LIMIT', { message: `a PROXY header of more than ${V1_MAX_BYTES} octets` })
    line += (await take(socket, 1)).toString('latin1')
  }
  const [, family = '', source = '', destination = '', port = '', toPort = '', ...more] = line.slice(0, -2).split(' ')
  if (family === 'UNKNOWN') return undefined
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : 0
  if (version === 0 || isIP(source) !== version || isIP(destination) !== version || !isPort(port) || !isPort(toPort) || more.length > 0)
    throw syntax('the PROXY header cannot be read')
  return { ip: source, port: Number(port), destination: { host: destination, port: Number(toPort) } }
}

async function readV2(socket: Socket): Promise<ProxiedClient | undefined> {
  const head = await take(socket, V2_HEAD_BYTES - PROXY_SIGNATURE.length)
  const [versionAndCommand = 0, family = 0] = head
  const length = head.readUInt16BE(2)
  if (versionAndCommand >> 4 !== 2) throw syntax('a PROXY header of an unknown version')
  if (length > V2_MAX_BYTES) throw new MailwicketError('WIRE_LIMIT', { message: `a PROXY header of ${length} octets` })
  const body = length === 0 ? Buffer.alloc(0) : await take(socket, length)
  const command = versionAndCommand & 0x0f
  if (command === 0) return undefined // LOCAL: the balancer looks whether we are alive.
  if (command !== 1) throw syntax('a PROXY header with an unknown command')
  if (family === 0x11 && length >= 12) return addressesIn(body, 4, octets => [...octets].join('.'))
  if (family === 0x21 && length >= 36) return addressesIn(body, 16, formatIpv6)
  throw syntax('a PROXY header for another transport than TCP')
}

/** Source address, destination address, source port, destination port. */
function addressesIn(body: Buffer, size: number, format: (octets: Buffer) => string): ProxiedClient {
  const destination = { host: format(body.subarray(size, 2 * size)), port: body.readUInt16BE(2 * size + 2) }
  return { ip: format(body.subarray(0, size)), port: body.readUInt16BE(2 * size), destination }
}

/** Exactly so many octets; the rest stays in the socket. */
function take(socket: Socket, byteCount: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const bytes = socket.read(byteCount) as Buffer | null
      // At the end of the stream `read` gives what there is.
      if (bytes !== null && bytes.length === byteCount) finish(() => resolve(bytes))
      else if (bytes !== null) finish(() => reject(new MailwicketError('WIRE_CLOSED', { message: 'the PROXY header is cut' })))
    }
    const gone = () => finish(() => reject(new MailwicketError('WIRE_CLOSED', { message: 'no PROXY header came' })))
    const finish = (act: () => void) => {
      socket.off('readable', look)
      socket.off('end', gone)
      socket.off('close', gone)
      act()
    }
    socket.on('readable', look)
    socket.on('end', gone)
    socket.on('close', gone)
    look()
  })
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535
}

function formatIpv6(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':')
}

function syntax(message: string): MailwicketError {
  return new MailwicketError('WIRE_SYNTAX', { message })
}
