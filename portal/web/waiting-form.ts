/**
 * A form that waits: for a confirmation, after which it is carried out, or for a sign-in, after which it comes back filled in. It travels through the
 * browser, sealed and without its secrets, and is good for its session, its route and ten minutes.
 */
import { openForm, sealForm } from '../sign-in/sealed-values.ts'
import { FormValues } from './form-values.ts'
import type { PageRequest, SignedInRequest, Waiting } from './page-request.ts'

/** For the hidden field `waiting` of the page that asks who one is. */
export function sealWaiting({ services, session }: SignedInRequest, { method, path, form }: Waiting): string {
  const route = `${method} ${path}`
  const sealed = sealForm(services.signIn.keyring, form.sealable(), { session: session.id, route }, services.signIn.now())
  return `${Buffer.from(route).toString('base64url')}.${sealed}`
}

/** Undefined: changed, of another session, or older than ten minutes. */
export function openWaiting({ services, session }: SignedInRequest, text: string): Waiting | undefined {
  const [place = '', sealed = ''] = text.split('.')
  const route = Buffer.from(place, 'base64url').toString()
  const fields = openForm(services.signIn.keyring, sealed, { session: session.id, route }, services.signIn.now())
  if (fields === undefined) return undefined
  const [method, path = '/'] = route.split(' ')
  return { method: method === 'GET' ? 'GET' : 'POST', path, form: FormValues.fromSealed(fields) }
}

/** What was typed on the page `to`, for the way through the sign-in. */
export function sealKept({ services }: PageRequest, to: string, form: FormValues): string {
  return sealForm(services.signIn.keyring, form.sealable(), { session: '', route: to }, services.signIn.now())
}

/** Undefined: nothing, or of another page. */
export function openKept(services: PageRequest['services'], cookie: string | undefined, to: string): FormValues | undefined {
  if (cookie === undefined) return undefined
  const fields = openForm(services.signIn.keyring, cookie, { session: '', route: to }, services.signIn.now())
  return fields === undefined ? undefined : FormValues.fromSealed(fields)
}
