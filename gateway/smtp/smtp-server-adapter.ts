/**
 * smtp-server, for the greeting, the splitting of lines, NOOP, RSET, HELP and VRFY before login; and the EHLO keywords, which are those of the upstreams.
 *
 * TLS, EHLO, AUTH and whatever belongs to a message are ours: there it has neither a command nor a key. Offered is what every upstream behind the
 * listener offers (architecture §5): a keyword that one of them lacks would lose mail there.
 */
import { SMTPServer } from 'smtp-server'

/** Keywords whose meaning is the upstream's alone: we pass on what they allow. Others need code of ours and are never offered. */
const PASSED_ON = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'DSN', 'REQUIRETLS'] as const

/** What smtp-server must never answer: smtp-verbs.ts passes only what has a row there, and this is the second lock. */
const OURS = ['STARTTLS', 'AUTH', 'EHLO', 'HELO', 'LHLO', 'MAIL', 'RCPT', 'DATA', 'BDAT', 'QUIT', 'XCLIENT', 'XFORWARD']

export type SmtpKeywords = ReadonlyMap<string, string>

export class SmtpServerAdapter {
  #hostname: string
  readonly #learnt = new Map<string, SmtpKeywords>()
  #upstreams: readonly string[]
  readonly #server: SMTPServer
  readonly #onLearnt: (upstream: string, keywords: SmtpKeywords) => void

  /** `known`: what was learnt in earlier runs, by upstream; `onLearnt` is told what changed. */
  constructor(options: {
    hostname: string
    upstreams: readonly string[]
    known: ReadonlyMap<string, SmtpKeywords>
    onLearnt: (upstream: string, keywords: SmtpKeywords) => void
  }) {
    this.#hostname = options.hostname
    this.#upstreams = options.upstreams
    this.#onLearnt = options.onLearnt
    for (const [upstream, keywords] of options.known) this.#learnt.set(upstream, keywords)
    this.#server = makeServer(options.hostname)
  }

  /** Another configuration: greets with this name from now on, and offers what these upstreams have in common; of `forgotten` nothing is known any more. */
  reconfigure({ hostname, upstreams, forgotten }: { hostname: string; upstreams: readonly string[]; forgotten: readonly string[] }): void {
    this.#hostname = hostname
    this.#upstreams = upstreams
    for (const upstream of forgotten) this.#learnt.delete(upstream)
    this.#server.options.name = hostname
  }

  get server(): SMTPServer {
    return this.#server
  }

  /** Learns the EHLO keywords of an upstream. */
  learn(upstream: string, keywords: SmtpKeywords): void {
    const relevant = new Map([...keywords].filter(([keyword]) => keyword === 'SIZE' || PASSED_ON.some(known => known === keyword)))
    if (sameMap(this.#learnt.get(upstream), relevant)) return
    this.#learnt.set(upstream, relevant)
    this.#onLearnt(upstream, relevant)
  }

  heloReply(): string {
    return `250 ${this.#hostname} Mailwicket\r\n`
  }

  /** The list is the same before and after AUTH. RFC 3207 §4.2, RFC 4954 §4: STARTTLS is offered before TLS, and what needs TLS is not. */
  ehloReply(security: 'plain' | 'secure'): string {
    const { all, size } = this.#common()
    const keywords = security === 'plain' ? all.filter(keyword => keyword !== 'REQUIRETLS') : all
    const own = security === 'plain' ? 'STARTTLS' : 'AUTH PLAIN LOGIN'
    const lines = [`${this.#hostname} Mailwicket`, ...keywords, own, size === undefined ? 'SIZE' : `SIZE ${size}`]
    return lines.map((line, i) => `250${i < lines.length - 1 ? '-' : ' '}${line}\r\n`).join('')
  }

  /** Never learnt from one of them: SIZE alone, without a number. */
  #common(): { all: readonly string[]; size: string | undefined } {
    const lists = this.#upstreams.map(upstream => this.#learnt.get(upstream))
    const all = PASSED_ON.filter(keyword => lists.length > 0 && lists.every(list => list?.has(keyword)))
    const sizes = new Set(lists.map(list => list?.get('SIZE')))
    const [size] = sizes
    return { all, size: sizes.size === 1 && size !== undefined && /^[1-9]\d*$/.test(size) ? size : undefined }
  }
}

function makeServer(hostname: string): SMTPServer {
  const server = new SMTPServer({
    name: hostname,
    banner: 'Mailwicket',
    secure: true, // TLS is ours: to smtp-server each connection is one that has it.
    secured: true,
    logger: false,
    disableReverseLookup: true,
    disabledCommands: OURS,
    // At once, so that the connection is ready before the client's first bytes are looked at.
    onConnect: (_, callback) => callback(),
    onSecure: (_socket, _session, callback) => callback(),
    socketTimeout: 120_000, // ours is shorter
  })
  // SECURITY: it brings a certificate of its own, whose key everybody can read. Without it no TLS can be begun, whatever a line gets to.
  for (const part of ['key', 'cert'] as const) delete server.options[part]
  ;(server as unknown as { secureContext: Map<string, unknown> }).secureContext.clear()
  server.on('error', () => {}) // an error of one connection; its close is what we see
  return server
}

function sameMap(a: SmtpKeywords | undefined, b: SmtpKeywords): boolean {
  return a !== undefined && a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}
