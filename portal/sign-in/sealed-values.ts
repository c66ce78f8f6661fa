/**
 * What the browser carries for us between two requests: a form that waits for a confirmation or a sign-in, and a password that is shown once.
 *
 * SECURITY: a form that waits has no secret in it; the password lies nowhere but in this cookie, for two minutes, for one session and one device.
 */
import { Secret } from '../../base/secret.ts'
import type { Keyring } from '../../store/keys/master-key.ts'
import { openBlob, sealBlob } from '../../store/keys/sealed-blob.ts'

const FORM_MS = 10 * 60_000
const SHOWN_MS = 2 * 60_000
/** Of a cookie, of which browsers keep 4096 bytes in all. */
const MAX_SHOWN_BYTES = 256

export type FormFields = Readonly<Record<string, string | readonly string[]>>

/** `session` is '' for a form that travels through a sign-in: it comes back filled in, and is not sent. */
export interface WaitingForm {
  readonly session: string
  readonly route: string
}

export function sealForm(keyring: Keyring, fields: FormFields, { session, route }: WaitingForm, now: number): string {
  return sealBlob(keyring, Secret.fromText(JSON.stringify(fields)), { purpose: 'waiting form', bindings: [session, route] }, now + FORM_MS)
}

/** Undefined: changed, late, or of another session or route. */
export function openForm(keyring: Keyring, blob: string, { session, route }: WaitingForm, now: number): FormFields | undefined {
  const opened = openBlob(keyring, blob, { purpose: 'waiting form', bindings: [session, route] }, now)
  // Ours: nobody else can have made it.
  return opened === undefined ? undefined : (JSON.parse(opened.reveal().toString('utf8')) as FormFields)
}

/** To whom and for what a password is shown. */
export interface ShownFor {
  readonly session: string
  readonly device: string
}

export function sealShownPassword(keyring: Keyring, password: Secret, { session, device }: ShownFor, now: number): string {
  if (password.byteLength > MAX_SHOWN_BYTES) throw new RangeError('a password that no cookie holds')
  return sealBlob(keyring, password, { purpose: 'shown password', bindings: [session, device] }, now + SHOWN_MS)
}

/** Undefined: it was shown, is late, or belongs to another session or device. */
export function openShownPassword(keyring: Keyring, cookie: string, { session, device }: ShownFor, now: number): Secret | undefined {
  return openBlob(keyring, cookie, { purpose: 'shown password', bindings: [session, device] }, now)
}
