/**
 * SASL PLAIN and LOGIN as a server, the same for IMAP and submission: strict decoding, no wire.
 *
 * A `Credentials` value is well-formed, not yet checked. What cannot be decoded is WIRE_SYNTAX: a malformed command, not a wrong password.
 */
import { MailwicketError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'

export interface Credentials {
  /** As the client sent it. */
  readonly address: string
  /** As the client sent it. */
  readonly secret: Secret
  /** The client asked to act as somebody else than `address` (RFC 4616 authzid). */
  readonly actsAsOther: boolean
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
/** Stands for octets that are not UTF-8: a control character that no password has, so it is refused like a wrong one, at the same cost. */
const UNMATCHABLE = Buffer.of(0)
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** RFC 4616 §2 names 255 octets as the least to support; addresses end at 254 octets (RFC 5321 §4.5.3.1). */
const MAX_NAME_BYTES = 512
/** Chosen passwords end at 128 characters, legacy ones seldom pass 256. */
const MAX_SECRET_BYTES = 1024

/** Decodes base64 and refuses everything that Node's decoder would forgive: white space, the URL alphabet, missing padding. */
export function decodeBase64(text: Buffer): Buffer {
  const ascii = text.toString('latin1')
  if (!BASE64.test(ascii)) throw new MailwicketError('WIRE_SYNTAX', { message: 'invalid base64' })
  return Buffer.from(ascii, 'base64')
}

/** Decodes an initial response, in which a lone `=` stands for an empty one (RFC 4954 §4, RFC 4959 §3). */
export function decodeInitialResponse(text: Buffer): Buffer {
  return text.length === 1 && text[0] === 0x3d ? Buffer.alloc(0) : decodeBase64(text)
}

/** A name and a secret as LOGIN gives them. Throws WIRE_SYNTAX for an empty or overlong value, NUL or other control characters. */
export function parseCredentials(name: Buffer, secret: Buffer, authzid?: Buffer): Credentials {
  if (name.length === 0 || secret.length === 0) throw new MailwicketError('WIRE_SYNTAX', { message: 'empty user name or password' })
  if (name.length > MAX_NAME_BYTES || secret.length > MAX_SECRET_BYTES) throw new MailwicketError('WIRE_SYNTAX', { message: 'user name or password too long' })
  const address = decodeUtf8(name)
  if (address === undefined || hasControl(name)) throw new MailwicketError('WIRE_SYNTAX', { message: 'the user name has octets that no address has' })
  if (hasControl(secret)) throw new MailwicketError('WIRE_SYNTAX', { message: 'the password has control characters' })
  const actsAsOther = authzid !== undefined && authzid.length > 0 && decodeUtf8(authzid)?.toLowerCase() !== address.toLowerCase()
  return { address, secret: Secret.fromBytes(decodeUtf8(secret) === undefined ? UNMATCHABLE : secret), actsAsOther }
}

/** RFC 4616 §2: authzid NUL authcid NUL passwd, exactly two NULs. */
export function parsePlain(message: Buffer): Credentials {
  const first = message.indexOf(0)
  const second = first < 0 ? -1 : message.indexOf(0, first + 1)
  if (second < 0 || message.indexOf(0, second + 1) >= 0) throw new MailwicketError('WIRE_SYNTAX', { message: 'a PLAIN message has exactly two NULs' })
  return parseCredentials(message.subarray(first + 1, second), message.subarray(second + 1), message.subarray(0, first))
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

function hasControl(bytes: Buffer): boolean {
  return bytes.some(octet => octet < 0x20 || octet === 0x7f)
}
