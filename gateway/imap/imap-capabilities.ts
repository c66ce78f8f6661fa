/**
 * What we offer before login: one constant a state, every token of which is honoured (a test tries each of them), and behind it what every IMAP server
 * of the listener was seen to offer of a short list. Programs that ask once, at connect, do without IDLE and ENABLE otherwise.
 * LITERAL+ (RFC 7888), SASL-IR (RFC 4959), ID (RFC 2971). After login the client hears the upstream's own list.
 */

export const CAPABILITIES = {
  // RFC 9051 §6.2.1, §11.1: offer STARTTLS, forbid LOGIN before it, and offer no mechanism there.
  plain: 'IMAP4rev1 LITERAL+ ID STARTTLS LOGINDISABLED',
  secure: 'IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN',
} as const

/**
 * Of use after login only, where the upstream keeps the promise; ENABLE is answered before it too. SECURITY: nothing that begins or ends a login
 * (AUTH=, STARTTLS, LOGIN-REFERRALS, UNAUTHENTICATE) and nothing that changes the stream (COMPRESS).
 */
const PASSED_ON =
  'ENABLE IDLE NAMESPACE UIDPLUS UNSELECT MOVE CHILDREN LIST-EXTENDED LIST-STATUS SPECIAL-USE ESEARCH SORT CONDSTORE QRESYNC BINARY QUOTA UTF8=ACCEPT'.split(
    ' ',
  )

export class ImapCapabilities {
  readonly #learnt = new Map<string, ReadonlySet<string>>()
  /** What each said last, as it said it. */
  readonly #heard = new Map<string, string>()
  readonly #onLearnt: (upstream: string, tokens: ReadonlySet<string>) => void
  #upstreams: readonly string[]

  /** `known`: what was learnt in earlier runs, by upstream; `onLearnt` is told what changed. */
  constructor(options: {
    upstreams: readonly string[]
    known: ReadonlyMap<string, Iterable<string>>
    onLearnt: (upstream: string, tokens: ReadonlySet<string>) => void
  }) {
    this.#upstreams = options.upstreams
    this.#onLearnt = options.onLearnt
    for (const [upstream, tokens] of options.known) this.#learnt.set(upstream, ofList(tokens))
  }

  /** Another configuration; of `forgotten` nothing is known any more. */
  reconfigure({ upstreams, forgotten }: { upstreams: readonly string[]; forgotten: readonly string[] }): void {
    this.#upstreams = upstreams
    for (const upstream of forgotten) {
      this.#learnt.delete(upstream)
      this.#heard.delete(upstream)
    }
  }

  /** Learns what an upstream offers after login. */
  learn(upstream: string, capabilities: string): void {
    // Nearly every login: the same words as the one before it.
    if (this.#heard.get(upstream) === capabilities) return
    this.#heard.set(upstream, capabilities)
    const tokens = ofList(capabilities.toUpperCase().split(' '))
    // Both in the order of our list.
    if ([...(this.#learnt.get(upstream) ?? ['nothing'])].join(' ') === [...tokens].join(' ')) return
    this.#learnt.set(upstream, tokens)
    this.#onLearnt(upstream, tokens)
  }

  /** Those of our own alone until each of the upstreams was seen. */
  before(state: keyof typeof CAPABILITIES): string {
    const lists = this.#upstreams.map(upstream => this.#learnt.get(upstream))
    const common = PASSED_ON.filter(token => lists.length > 0 && lists.every(list => list?.has(token)))
    return [CAPABILITIES[state], ...common].join(' ')
  }
}

function ofList(tokens: Iterable<string>): ReadonlySet<string> {
  const all = new Set(tokens)
  return new Set(PASSED_ON.filter(token => all.has(token)))
}
