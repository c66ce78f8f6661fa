/**
 * The header of the PROXY protocol (HAProxy's specification), versions 1 and 2, as we write it: whose connection we pass on.
 * Reading one is `gateway/listen/proxy-protocol.ts`.
 */
import type { Endpoint } from '../network.ts'
import { addressBytes } from '../network.ts'

export const PROXY_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

const VERSION = 0x20
const LOCAL = 0x00
const PROXY = 0x01
const TCP_OVER_IPV4 = 0x11
const TCP_OVER_IPV6 = 0x21
/** RFC 4291 §2.5.5.2: an IPv4 address as an IPv6 one. */
const MAPPED = Buffer.from('00000000000000000000ffff', 'hex')

/** “I speak for myself”: for checks, which have no client. */
export const LOCAL_PROXY_HEADER: Buffer = Buffer.from([...PROXY_SIGNATURE, VERSION | LOCAL, 0, 0, 0])

/**
 * `source` is the client, `destination` what it connected to; both with IP addresses. Of two families IPv4 is written as mapped IPv6.
 * An address that is not known (the client has gone already) makes it a LOCAL header: better no client than a wrong one.
 */
export function formatProxyHeader(source: Endpoint, destination: Endpoint): Buffer {
  const from = addressBytes(source.host)
  const to = addressBytes(destination.host)
  if (from === undefined || to === undefined) return LOCAL_PROXY_HEADER
  const isIpv4 = from.length === 4 && to.length === 4
  const addresses = isIpv4 ? [from, to] : [mapped(from), mapped(to)]
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source.port, 0)
  ports.writeUInt16BE(destination.port, 2)
  const body = Buffer.concat([...addresses, ports])
  return Buffer.concat([PROXY_SIGNATURE, Buffer.from([VERSION | PROXY, isIpv4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6, 0, body.length]), body])
}

/** The same in version 1, for servers that read no other. One that is not known is said to be UNKNOWN. */
export function formatProxyHeaderV1(source: Endpoint, destination: Endpoint): Buffer {
  const from = addressBytes(source.host)
  const to = addressBytes(destination.host)
  if (from === undefined || to === undefined) return Buffer.from('PROXY UNKNOWN\r\n')
  const isIpv4 = from.length === 4 && to.length === 4
  const [client, server] = isIpv4 ? [from.join('.'), to.join('.')] : [formatIpv6(from), formatIpv6(to)]
  return Buffer.from(`PROXY ${isIpv4 ? 'TCP4' : 'TCP6'} ${client} ${server} ${source.port} ${destination.port}\r\n`)
}

/** In full, as every reader takes it: eight groups, nothing left out. */
function formatIpv6(bytes: Uint8Array): string {
  const all = Buffer.from(mapped(bytes))
  return Array.from({ length: 8 }, (_, group) => all.readUInt16BE(2 * group).toString(16)).join(':')
}

function mapped(bytes: Uint8Array): Uint8Array {
  return bytes.length === 4 ? Buffer.concat([MAPPED, bytes]) : bytes
}
