/** What a browser's passkey answered, with the challenge that it was asked, from its cookie. */
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '../sign-in/passkeys.ts'
import type { PageRequest } from '../web/page-request.ts'

/** Undefined: no answer at all. What is in it, is checked with the challenge. */
export function readAnswer({ json, cookies }: PageRequest): { readonly response: AuthenticationResponseJSON; readonly challenge: string } | undefined {
  const { response } = json
  const challenge = cookies.get('challenge')
  if (typeof response !== 'object' || response === null || challenge === undefined) return undefined
  return { response: response as AuthenticationResponseJSON, challenge }
}

export function readRegistration(request: PageRequest): { readonly response: RegistrationResponseJSON; readonly challenge: string } | undefined {
  return readAnswer(request) as unknown as { readonly response: RegistrationResponseJSON; readonly challenge: string } | undefined
}
