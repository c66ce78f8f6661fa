/**
 * App passwords as text: how one is made, how what an app sends is read, and which ones a person may choose.
 *
 * Not hashing (`password-hash.ts`), not tags (`tag.ts`).
 */
import { randomBytes } from 'node:crypto'
import { Problem } from '../../base/problems.ts'
import { Secret } from '../../base/secret.ts'

/** 32 letters, five bits each. Of those that look alike (l 1, o 0) none is here, so the others cannot be mistaken for them. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789'
const GROUPS = 5
const GROUP_LETTERS = 4
const GENERATED = new RegExp(`^[${ALPHABET}]{${GROUPS * GROUP_LETTERS}}$`, 'i')
/** A generated secret with two or three odd characters of the web behind every letter is shorter than this; longer text is no candidate and is not searched. */
const MAX_GENERATED_TYPED_BYTES = 192

/** What nobody sees: zero-width spaces and joiners, soft hyphens, marks of direction. Web pages and chat programs put it into what is copied. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu
/** Also white space and dashes of every kind: phones turn "-" into a longer one. */
const BETWEEN_LETTERS = /[\s\p{Dash}\p{Default_Ignorable_Code_Point}]/gu

const MIN_CHOSEN_CHARACTERS = 16
const MAX_CHOSEN_CHARACTERS = 128
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

/** A new app password with 100 random bits, as it is printed: `k7mq-x2pd-9rtf-h4wz-c8nb`. */
export function generateAppPassword(): Secret {
  const letters = Array.from(randomBytes(GROUPS * GROUP_LETTERS), byte => ALPHABET[byte & 31])
  const groups = Array.from({ length: GROUPS }, (_, group) => letters.slice(group * GROUP_LETTERS, (group + 1) * GROUP_LETTERS).join(''))
  return Secret.fromText(groups.join('-'))
}

/** The secret that is hashed and compared: one that looks generated without spaces, dashes, invisible characters and case, any other exactly as it was sent. */
export function normaliseSecret(secret: Secret): Secret {
  const letters = findGeneratedLetters(secret)
  return letters === undefined ? secret : Secret.fromText(letters)
}

/** Whether a secret has the shape of a generated one, however it was typed. */
export function looksGenerated(secret: Secret): boolean {
  return findGeneratedLetters(secret) !== undefined
}

/** Groups of four, give or take a letter, with dashes between: how an app password looks that was copied with a slip. */
const SLIPPED = /^[a-z0-9]{3,5}(?:\p{Dash}[a-z0-9]{3,5}){4}$/iu

/**
 * Whether a secret is one of our app passwords, perhaps mistyped: such a one is never shown to an upstream. Mistyped without its dashes it
 * cannot be told from any other password.
 */
export function resemblesGenerated(secret: Secret): boolean {
  if (looksGenerated(secret)) return true
  return secret.byteLength <= MAX_GENERATED_TYPED_BYTES && SLIPPED.test(secret.reveal().toString('utf8').replace(INVISIBLE, '').trim())
}

function findGeneratedLetters(secret: Secret): string | undefined {
  if (secret.byteLength > MAX_GENERATED_TYPED_BYTES) return undefined
  const letters = secret.reveal().toString('utf8').replace(BETWEEN_LETTERS, '')
  return GENERATED.test(letters) ? letters.toLowerCase() : undefined
}

export interface ChosenPasswordContext {
  readonly address: string
  readonly deviceName: string
  /** Policy: only generated app passwords. */
  readonly generatedOnly: boolean
}

/** Refuses a chosen app password that is not good enough. Throws BAD_INPUT, which says what to do. */
export function checkChosenPassword(secret: Secret, { address, deviceName, generatedOnly }: ChosenPasswordContext): void {
  if (generatedOnly) throw new Problem('password.generated-only', {})
  const text = secret.reveal().toString('utf8')
  if (!PRINTABLE_ASCII.test(text)) throw new Problem('password.characters', {})
  if (text.length < MIN_CHOSEN_CHARACTERS) throw new Problem('password.short', { has: text.length, min: MIN_CHOSEN_CHARACTERS })
  if (text.length > MAX_CHOSEN_CHARACTERS) throw new Problem('password.long', { has: text.length, max: MAX_CHOSEN_CHARACTERS })
  if (looksGenerated(secret)) throw new Problem('password.looks-generated', {})
  const folded = text.trim().toLowerCase()
  if (folded === address.toLowerCase() || folded === deviceName.trim().toLowerCase()) throw new Problem('password.is-name', {})
}
