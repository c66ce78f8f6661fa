/**
 * E-mail addresses as Mailwicket compares them: local part in lower case, domain in ASCII lower case.
 *
 * Not a parser for message headers: no display names, comments, quoted local parts or address literals.
 */
import { MailwicketError } from './errors.ts'
import { findHostName } from './network.ts'

/** RFC 5321 §4.5.3.1.3: a path is at most 256 octets with its angle brackets. */
const MAX_ADDRESS_BYTES = 254
/** RFC 5321 §4.5.3.1.1: a local part is at most 64 octets. */
const MAX_LOCAL_BYTES = 64
/** Neither white space nor control characters, nor what RFC 5322 §3.2.3 allows between quotes only. */
const LOCAL_PART = /^[^\s\p{C}"(),:;<>@[\\\]]+$/u

/** The one spelling of an address; undefined when the text is none. Never throws. */
export function normaliseAddress(text: string): string | undefined {
  const at = text.lastIndexOf('@')
  // Counted before anything is transformed: whatever is this long cannot become an address.
  if (at < 1 || text.length > MAX_ADDRESS_BYTES || !text.isWellFormed()) return undefined
  const local = text.slice(0, at).normalize('NFC').toLowerCase()
  if (!LOCAL_PART.test(local) || Buffer.byteLength(local) > MAX_LOCAL_BYTES) return undefined
  const domainText = text.slice(at + 1)
  // The URL parser behind `findHostName` would decode these, drop them silently or stop there.
  if (/[%\s\p{Cc}/\\?#:]/u.test(domainText)) return undefined
  const domain = findHostName(domainText)
  if (domain === undefined) return undefined
  const address = `${local}@${domain}`
  return Buffer.byteLength(address) > MAX_ADDRESS_BYTES ? undefined : address
}

/** The one spelling of an address. Throws BAD_INPUT. */
export function parseAddress(text: string): string {
  const address = normaliseAddress(text)
  if (address === undefined) throw new MailwicketError('BAD_INPUT', { message: `${JSON.stringify(text)} is not an e-mail address such as anna@example.com` })
  return address
}

/** The domain of a normalised address. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}
