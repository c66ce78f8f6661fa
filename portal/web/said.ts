/** What a form did, said once at the top of the next page, in whatever language that page is. */

import type { Messages } from '../messages/en.ts'
import { messagesOf } from '../messages/languages.ts'
import { openForm, sealForm } from '../sign-in/sealed-values.ts'
import type { Flash } from '../views/page-context.ts'
import { seeOther } from './answers.ts'
import { nowOf, type SignedInRequest } from './page-request.ts'

type Done = Messages['done']
type ArgumentsOf<Key extends keyof Done> = Done[Key] extends (...values: infer Values) => unknown ? Values : []

/** 303 to a page that says it. */
export function doneThen<Key extends keyof Done>(request: SignedInRequest, to: string, key: Key, ...values: ArgumentsOf<Key>): Response {
  const { services, session, cookies } = request
  const sealed = sealForm(services.signIn.keyring, { key, values: JSON.stringify(values) }, { session: session.id, route: ROUTE }, nowOf(request))
  return seeOther(to, [cookies.set('said', sealed)])
}

/** Undefined: nothing, or of another session. */
export function readSaid({ services, session, cookies, page }: SignedInRequest): Flash | undefined {
  const cookie = cookies.get('said')
  if (cookie === undefined) return undefined
  const fields = openForm(services.signIn.keyring, cookie, { session: session.id, route: ROUTE }, services.signIn.now())
  if (fields === undefined) return undefined
  const sentence = messagesOf(page.language).done[fields['key'] as keyof Done] as string | ((...values: unknown[]) => Flash['text'])
  return { tone: 'ok', text: typeof sentence === 'string' ? sentence : sentence(...(JSON.parse(String(fields['values'])) as unknown[])) }
}

/** Not a route: what these blobs are bound to. */
const ROUTE = 'said'
