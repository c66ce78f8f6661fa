/**
 * Addresses and networks in text form: "host:port", CIDR networks, and whether an address lies in one.
 *
 * Invariant: an IPv4 address is the same address when it arrives as IPv4-mapped IPv6 (::ffff:192.0.2.1), as it does
 * on a dual-stack listener. The only adapter for ipaddr.js. Parsers throw an Error whose message is one readable sentence.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** A network, its host bits cleared. */
export interface Network {
  readonly address: Address
  readonly prefixBits: number
}

/** Bits of an IPv4-mapped IPv6 address before its IPv4 part. */
const MAPPED_PREFIX_BITS = 96

/** ipaddr.js also reads "127.1", "0x7f.1" and octal; only what the operating system reads as an address is one here. */
function findAddress(text: string): Address | undefined {
  const withoutZone = text.replace(/%.*$/s, '')
  return isIP(withoutZone) === 0 ? undefined : ipaddr.process(withoutZone)
}

/** The one spelling of an IP address: mapped IPv4 as IPv4, IPv6 as in RFC 5952, no zone. Anything else stays as it is. */
export function normaliseIp(address: string): string {
  return findAddress(address)?.toString() ?? address
}

/** The 4 or 16 bytes of an IP address; undefined when the text is none. */
export function addressBytes(address: string): Uint8Array | undefined {
  const parsed = findAddress(address)
  return parsed === undefined ? undefined : Uint8Array.from(parsed.toByteArray())
}

/** "10.0.0.0/8", "2001:db8::/32", or a single address. */
export function parseCidr(text: string): Network {
  const [addressText = '', prefixText, ...rest] = text.split('/')
  if (isIP(addressText) === 0 || addressText.includes('%') || rest.length > 0) throw new Error('must be a network such as "10.0.0.0/8" or "2001:db8::/32"')
  const written = ipaddr.parse(addressText)
  const writtenBits = written.kind() === 'ipv4' ? 32 : 128
  if (prefixText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(prefixText)) throw new Error(`must have a number from 0 to ${writtenBits} after the "/"`)
  const writtenPrefix = prefixText === undefined ? writtenBits : Number(prefixText)
  if (writtenPrefix > writtenBits) throw new Error(`must have a number from 0 to ${writtenBits} after the "/"`)
  // A mapped network shorter than its prefix would hold more than the IPv4 addresses: it stays IPv6.
  const isMapped = written instanceof ipaddr.IPv6 && written.isIPv4MappedAddress() && writtenPrefix >= MAPPED_PREFIX_BITS
  const address = isMapped ? ipaddr.process(addressText) : written
  const prefixBits = isMapped ? writtenPrefix - MAPPED_PREFIX_BITS : writtenPrefix
  return { address: clearHostBits(address, prefixBits), prefixBits }
}

function clearHostBits(address: Address, prefixBits: number): Address {
  const bytes = address.toByteArray().map((byte, at) => {
    const keptBits = Math.min(8, Math.max(0, prefixBits - at * 8))
    return byte & (0xff << (8 - keptBits))
  })
  return ipaddr.fromByteArray(bytes)
}

export function formatCidr(network: Network): string {
  return `${network.address.toString()}/${network.prefixBits}`
}

/** Whether `address` lies in one of `networks`. Text that is no address lies in none. */
export function isInNetworks(address: string, networks: readonly Network[]): boolean {
  // Mostly there are none, and every connection asks.
  if (networks.length === 0) return false
  const parsed = findAddress(address)
  if (parsed === undefined) return false
  // 0/0 of one family never holds an address of the other: `match` throws on mixed families.
  return networks.some(network => network.address.kind() === parsed.kind() && parsed.match(network.address as ipaddr.IPv4 & ipaddr.IPv6, network.prefixBits))
}

/** Addresses in text form, as `normaliseIp` writes them: those that begin so, and single ones. */
export interface AddressRanges {
  readonly beginnings: readonly string[]
  readonly addresses: readonly string[]
}

/** Where the addresses of a network lie among sorted texts. Of IPv6 it may be more than the network: what is found has still to be compared. */
export function rangesOf({ address, prefixBits }: Network): AddressRanges {
  if (prefixBits === 0) return { beginnings: [''], addresses: [] }
  const bytes = address.toByteArray()
  if (prefixBits === 8 * bytes.length) return { beginnings: [], addresses: [address.toString()] }
  if (address.kind() === 'ipv6') {
    const groups = Array.from({ length: Math.floor(prefixBits / 16) }, (_, at) => ((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0))
    // Zeros may be written as "::", from the first of them on nothing is certain.
    const sure = groups.slice(0, groups.includes(0) ? groups.indexOf(0) : groups.length)
    return { beginnings: [sure.map(group => `${group.toString(16)}:`).join('')], addresses: [] }
  }
  const whole = bytes.slice(0, Math.floor((prefixBits - 1) / 8))
  const last = bytes[whole.length] ?? 0
  const texts = Array.from({ length: 2 ** (8 - (prefixBits - whole.length * 8)) }, (_, more) => [...whole, last + more].join('.'))
  return whole.length === 3 ? { beginnings: [], addresses: texts } : { beginnings: texts.map(text => `${text}.`), addresses: [] }
}

/** Whether every address of `inner` lies in one of `outer`. */
export function isWithinNetworks(inner: Network, outer: readonly Network[]): boolean {
  return outer.some(network => network.prefixBits <= inner.prefixBits && isInNetworks(inner.address.toString(), [network]))
}

/** A host name in the form that is compared: ASCII, lower case, no dot at its end; undefined when it is none. */
export function findHostName(text: string): string | undefined {
  const name = text.replace(/\.$/, '')
  // Nearly every name is plain ASCII and becomes itself: the URL parser (60 µs, at each login) is for the others.
  const isPlain = /^[a-z0-9._-]*\.[a-z][a-z0-9_-]*$/i.test(name) && !/xn--/i.test(name)
  const ascii = isPlain ? name.toLowerCase() : domainToASCII(name)
  // Underscores are not allowed in host names but common in container networks.
  return ascii.length <= 253 && /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/.test(ascii) ? ascii : undefined
}

/** "imap.example.com:993", "0.0.0.0:993" or "[::]:993". */
export function parseEndpoint(text: string): Endpoint {
  if (/^[a-z+]+:\/\//i.test(text)) throw new Error('must be without "…://": an address and a port such as "mail.example.com:993"')
  const [, bracketed, plain, portText] = /^(?:\[([^\]]*)\]|([^[\]]*)):(\d{1,5})$/.exec(text) ?? []
  // Not isIPv6(): its first call costs as much as the rest of reading a configuration.
  if (/^[^[\]]*:[^[\]]*:/.test(text)) throw new Error('must have brackets around the IPv6 address, as in "[2001:db8::1]:993"')
  if (portText === undefined) throw new Error('must be an address and a port such as "0.0.0.0:993" or "[::]:993"')
  if (bracketed !== undefined && (!isIPv6(bracketed) || bracketed.includes('%'))) throw new Error('must have an IPv6 address between the brackets')
  if (plain === '') throw new Error(`must name an address before the port: "0.0.0.0:${portText}" for all of IPv4, "[::]:${portText}" for IPv6 too`)
  const host = bracketed ?? (isIPv4(plain ?? '') ? plain : findHostName(plain ?? ''))
  // A name that ends in a number is a mistyped IPv4 address (WHATWG URL §3.5 reads it so too).
  if (host === undefined || (bracketed === undefined && !isIPv4(host) && /(^|\.)\d+$/.test(host)))
    throw new Error('must have a host name or an IP address before the port')
  const port = Number(portText)
  if (port > 65_535) throw new Error('must have a port from 0 to 65535')
  return { host, port }
}

export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`
}

/** The block that an address is counted in: an IPv4 address alone, of IPv6 its /64, which is the least that one customer gets (RFC 6177 §2). */
export function blockOf(ip: string, ipv6PrefixBits = 64): string {
  if (!ip.includes(':')) return ip
  const address = findAddress(ip)
  return address?.kind() === 'ipv6' ? formatCidr({ address: clearHostBits(address, ipv6PrefixBits), prefixBits: ipv6PrefixBits }) : (address?.toString() ?? ip)
}
