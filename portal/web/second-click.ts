/**
 * A second click on a button sends its form once more, and the browser drops the answer to the first, with the cookies in it: the password that the
 * next page shows once, the session that was renewed. So the same form of the same browser gets the first one's answer, while that is on its way and
 * some seconds after it led elsewhere, until the browser goes there. Nothing is done twice.
 *
 * SECURITY: only a redirect is kept, with its cookies, in which secrets are sealed; in this process's memory alone, under an HMAC of all that came:
 * whoever gets it once more has the cookies and every field of the first, the password of a confirmation too.
 */
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import type { PageRequest } from './page-request.ts'

/** What a request is known by. */
export interface Click {
  /** A secret that this browser alone has: of its session, or of its visit. */
  readonly browser: string
  readonly address: string
  /** The whole header. */
  readonly cookies: string
  readonly body: string
}

/** The browser that opens a link with a token gets something to be known by. */
export const visitCookie = ({ cookies }: PageRequest): string | undefined =>
  cookies.get('visit') === undefined ? cookies.set('visit', randomUUID()) : undefined

/** Longer than anybody's double click; shorter than anybody comes back to do the same again. */
const KEPT_MS = 5_000
const MAX_BROWSERS = 10_000

interface Kept {
  readonly click: string
  /** Undefined: it led nowhere. */
  readonly redirect: Promise<Headers | undefined>
  to: string | null
  until: number
}

export class SecondClicks {
  readonly #key = randomBytes(32)
  readonly #now: () => number
  /** The last one of each browser: whoever sends another form in between means what they do. */
  readonly #last = new Map<string, Kept>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** Rejects as `act` does. */
  async answer({ browser: whose, ...sent }: Click, act: () => Promise<Response>): Promise<Response> {
    const [browser, click] = [this.#hash([whose]), this.#hash(Object.values(sent))]
    const before = this.#last.get(browser)
    if (before?.click === click && before.until > this.#now()) {
      const redirect = await before.redirect
      if (redirect !== undefined) return new Response(null, { status: 303, headers: redirect })
    }
    const answering = act()
    const redirect = answering.then(
      ({ status, headers }) => (status === 303 ? new Headers(headers) : undefined),
      () => undefined,
    )
    const kept: Kept = { click, redirect, to: null, until: Number.POSITIVE_INFINITY }
    this.#keep(browser, kept)
    try {
      const response = await answering
      kept.to = response.headers.get('location')
      return response
    } finally {
      kept.until = this.#now() + KEPT_MS
    }
  }

  /** The browser has come where the answer led: what it brought along is there. */
  reached(whose: string, address: string): void {
    const browser = this.#hash([whose])
    if (this.#last.get(browser)?.to === address) this.#last.delete(browser)
  }

  /** The oldest come first, and go first. */
  #keep(browser: string, kept: Kept): void {
    this.#last.delete(browser)
    for (const [other, { until }] of this.#last) {
      if (until > this.#now() && this.#last.size < MAX_BROWSERS) break
      this.#last.delete(other)
    }
    this.#last.set(browser, kept)
  }

  #hash(parts: readonly string[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('base64url')
  }
}
