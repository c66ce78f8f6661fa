/**
 * The password of a person's account in the portal: which ones may be chosen. Not the app passwords of devices.
 */
import { MailwicketError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import { looksGenerated } from './app-password.ts'

export const MIN_ACCOUNT_CHARACTERS = 12
export const MAX_ACCOUNT_BYTES = 256

/** Refuses what is not good enough, and says why. Throws BAD_INPUT. */
export function checkAccountPassword(password: Secret, { login, name }: { readonly login: string; readonly name: string | null }): void {
  const text = normaliseAccountPassword(password).reveal().toString('utf8')
  const characters = Array.from(text).length
  if (characters < MIN_ACCOUNT_CHARACTERS) throw bad(`the password has ${characters} characters: use ${MIN_ACCOUNT_CHARACTERS} or more`)
  if (Buffer.byteLength(text) > MAX_ACCOUNT_BYTES) throw bad(`the password is longer than ${MAX_ACCOUNT_BYTES} bytes`)
  if (/\p{Cc}/u.test(text)) throw bad('the password has control characters in it')
  const folded = text.normalize('NFKC').trim().toLowerCase()
  if (folded === login || folded === name?.normalize('NFKC').toLowerCase()) throw bad('the password is the login or the name: choose another')
  if (new Set(folded).size < 4) throw bad('the password repeats the same few characters: choose another')
  if (looksGenerated(password)) throw bad('this looks like an app password of a device: the account needs another')
}

/** As it is hashed: keyboards write the same letter in different ways. */
export function normaliseAccountPassword(password: Secret): Secret {
  // NIST SP 800-63B §3.1.1.2: normalise before hashing where Unicode is allowed.
  return Secret.fromText(password.reveal().toString('utf8').normalize('NFC'))
}

function bad(message: string): MailwicketError {
  return new MailwicketError('BAD_INPUT', { message })
}
