/**
 * The cookies of the portal, each with its one purpose. Under https their names begin with `__Host-`, so that no other host of the domain can set one;
 * the password's has a path of its own and begins with `__Secure-`.
 */
import { Secret } from '../../base/secret.ts'

const COOKIES = {
  /** Token of the session. Lax: an invited person who comes from their mail is signed in. */
  session: { name: 'mw', sameSite: 'Lax', seconds: 30 * 86_400 },
  /** What the last form did, sealed: said once, on the next page. */
  said: { name: 'mw-said', sameSite: 'Lax', seconds: 120 },
  /** What was typed before the session was over, sealed. */
  kept: { name: 'mw-kept', sameSite: 'Lax', seconds: 600 },
  /** Challenge of a passkey ceremony, sealed. */
  challenge: { name: 'mw-challenge', sameSite: 'Strict', seconds: 300 },
  /** A secret that the next page shows once, sealed. */
  shown: { name: 'mw-shown', sameSite: 'Strict', seconds: 120 },
  /** Tells the browser that opened a link with a token from all others: for whoever is not signed in. */
  visit: { name: 'mw-visit', sameSite: 'Strict', seconds: 3_600 },
  /** Which device an invitation made, sealed: for whoever is not signed in. */
  invited: { name: 'mw-invited', sameSite: 'Strict', seconds: 3_600 },
  /** An authenticator app that is being set up, sealed. */
  totp: { name: 'mw-totp', sameSite: 'Strict', seconds: 900 },
  language: { name: 'mw-language', sameSite: 'Lax', seconds: 365 * 86_400 },
} as const satisfies Record<string, { name: string; sameSite: 'Lax' | 'Strict'; seconds: number }>

export type CookieName = keyof typeof COOKIES
/** Of what browsers keep of one cookie, with its name and attributes. */
const MAX_VALUE_CHARACTERS = 3_800

export class RequestCookies {
  readonly #values: ReadonlyMap<string, string>
  readonly #isSecure: boolean

  /** `url`: the portal's own. */
  constructor(header: string | null, url: string) {
    this.#isSecure = url.startsWith('https:')
    const pairs = (header ?? '').split(';').flatMap(pair => {
      const at = pair.indexOf('=')
      return at < 0 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()] as const]
    })
    // The first of two: browsers send the one with the longer path first.
    this.#values = new Map(pairs.reverse())
  }

  get(cookie: CookieName): string | undefined {
    const value = this.#values.get(this.#nameOf(cookie))
    return value === '' ? undefined : value
  }

  get session(): Secret | undefined {
    const value = this.get('session')
    return value === undefined ? undefined : Secret.fromText(value)
  }

  /** The header that sets it; undefined where it is too long for a browser to keep. */
  set(cookie: CookieName, value: string, path = '/'): string | undefined {
    return value.length > MAX_VALUE_CHARACTERS ? undefined : this.#format(cookie, value, path, COOKIES[cookie].seconds)
  }

  setSession(token: Secret): string {
    return this.#format('session', token.reveal().toString('latin1'), '/', COOKIES.session.seconds)
  }

  clear(cookie: CookieName, path = '/'): string {
    return this.#format(cookie, '', path, 0)
  }

  #nameOf(cookie: CookieName): string {
    const { name } = COOKIES[cookie]
    if (!this.#isSecure) return name
    // RFC 6265bis §4.1.3.2: `__Host-` demands the path /.
    return `${cookie === 'shown' ? '__Secure-' : '__Host-'}${name}`
  }

  #format(cookie: CookieName, value: string, path: string, seconds: number): string {
    const secure = this.#isSecure ? '; Secure' : ''
    return `${this.#nameOf(cookie)}=${value}; Path=${path}; Max-Age=${seconds}; HttpOnly; SameSite=${COOKIES[cookie].sameSite}${secure}`
  }
}
