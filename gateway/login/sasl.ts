/**
 * SASL PLAIN and LOGIN as a server, the same for IMAP and submission: strict decoding, no wire.
 *
 * A `Credentials` value is not yet checked. Only what is no base64 is WIRE_SYNTAX; everything else that a client sends as name and secret is judged like
 * a wrong one, at the same cost and in the same words.
 */
import { MailwicketError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'

export interface Credentials {
  /** As the client sent it, without blanks around it; '' when no address can be like this. */
  readonly address: string
  /** As the client sent it, without line ends behind it. */
  readonly secret: Secret
  /** The client asked to act as somebody else than `address` (RFC 4616 authzid). */
  readonly actsAsOther: boolean
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
/** Stands for what nobody can have as a secret: nothing, octets that are not UTF-8, a NUL, too much. */
export const UNMATCHABLE = Secret.fromBytes(Buffer.of(0))
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

/** A name and a secret as LOGIN gives them. */
export function parseCredentials(name: Buffer, secret: Buffer, authzid?: Buffer): Credentials {
  const address = readName(name)
  const actsAsOther = authzid !== undefined && authzid.length > 0 && readName(authzid).toLowerCase() !== address.toLowerCase()
  return { address, secret: readSecret(secret), actsAsOther }
}

/** RFC 4616 §2: authzid NUL authcid NUL passwd, exactly two NULs. */
export function parsePlain(message: Buffer): Credentials {
  const first = message.indexOf(0)
  const second = first < 0 ? -1 : message.indexOf(0, first + 1)
  if (second < 0) return { address: '', secret: UNMATCHABLE, actsAsOther: false }
  return parseCredentials(message.subarray(first + 1, second), message.subarray(second + 1), message.subarray(0, first))
}

/** White space and what nobody sees is not part of a name: people paste it. */
const AROUND_NAME = /^[\s\p{Default_Ignorable_Code_Point}]+|[\s\p{Default_Ignorable_Code_Point}]+$/gu

function readName(bytes: Buffer): string {
  const text = bytes.length > MAX_NAME_BYTES ? '' : (decodeUtf8(bytes)?.replace(AROUND_NAME, '') ?? '')
  return /\p{Cc}/u.test(text) ? '' : text
}

function readSecret(bytes: Buffer): Secret {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1
  const secret = bytes.subarray(0, end)
  if (end === 0 || end > MAX_SECRET_BYTES || secret.includes(0) || decodeUtf8(secret) === undefined) return UNMATCHABLE
  return Secret.fromBytes(secret)
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
