/**
 * The adapter for smtp-server: greeting, EHLO, NOOP, RSET, QUIT and the counting of nonsense; and the EHLO keywords, which are those of the upstreams.
 *
 * Offered is what every upstream behind the listener offers (architecture §5): a keyword that one of them lacks would lose mail there.
 */
import { SMTPServer } from 'smtp-server'

/** Keywords whose meaning is the upstream's alone: we pass on what they allow. Others need code of ours and are never offered. */
const PASSED_ON = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'DSN', 'REQUIRETLS'] as const

export type SmtpKeywords = ReadonlyMap<string, string>

export class SmtpServerAdapter {
  #hostname: string
  readonly #learnt = new Map<string, SmtpKeywords>()
  #upstreams: readonly string[]
  readonly #servers: Readonly<Record<'plain' | 'secure', SMTPServer>>
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
    this.#servers = { plain: makeServer(options.hostname, 'plain'), secure: makeServer(options.hostname, 'secure') }
    this.#offer()
  }

  /** Another configuration: greets with this name from now on, and offers what these upstreams have in common; of `forgotten` nothing is known any more. */
  reconfigure({ hostname, upstreams, forgotten }: { hostname: string; upstreams: readonly string[]; forgotten: readonly string[] }): void {
    this.#hostname = hostname
    this.#upstreams = upstreams
    for (const upstream of forgotten) this.#learnt.delete(upstream)
    for (const server of Object.values(this.#servers)) server.options.name = hostname
    this.#offer()
  }

  server(security: 'plain' | 'secure'): SMTPServer {
    return this.#servers[security]
  }

  /** Learns the EHLO keywords of an upstream. */
  learn(upstream: string, keywords: SmtpKeywords): void {
    const relevant = new Map([...keywords].filter(([keyword]) => keyword === 'SIZE' || PASSED_ON.some(known => known === keyword)))
    if (sameMap(this.#learnt.get(upstream), relevant)) return
    this.#learnt.set(upstream, relevant)
    this.#offer()
    this.#onLearnt(upstream, relevant)
  }

  heloReply(): string {
    return `250 ${this.#hostname} Mailwicket\r\n`
  }

  /** Our answer to EHLO after AUTH: the same list as before. */
  ehloReply(): string {
    const lines = [`${this.#hostname} Mailwicket`, ...this.#keywords(), 'AUTH PLAIN LOGIN']
    return lines.map((line, i) => `250${i < lines.length - 1 ? '-' : ' '}${line}\r\n`).join('')
  }

  #keywords(): string[] {
    const { all, size } = this.#common()
    return [...all, size === undefined ? 'SIZE' : `SIZE ${size}`]
  }

  /** Never learnt from one of them: SIZE alone, without a number. */
  #common(): { all: readonly string[]; size: string | undefined } {
    const lists = this.#upstreams.map(upstream => this.#learnt.get(upstream))
    const all = PASSED_ON.filter(keyword => lists.length > 0 && lists.every(list => list?.has(keyword)))
    const sizes = new Set(lists.map(list => list?.get('SIZE')))
    const [size] = sizes
    return { all, size: sizes.size === 1 && size !== undefined && /^[1-9]\d*$/.test(size) ? size : undefined }
  }

  #offer(): void {
    const { all, size } = this.#common()
    for (const server of Object.values(this.#servers)) {
      const { options } = server
      options.hidePIPELINING = !all.includes('PIPELINING')
      options.hide8BITMIME = !all.includes('8BITMIME')
      options.hideSMTPUTF8 = !all.includes('SMTPUTF8')
      options.hideENHANCEDSTATUSCODES = !all.includes('ENHANCEDSTATUSCODES')
      options.hideDSN = !all.includes('DSN')
      options.hideREQUIRETLS = !all.includes('REQUIRETLS')
      options.size = Number(size ?? 1)
      options.hideSize = size === undefined
    }
  }
}

function makeServer(hostname: string, security: 'plain' | 'secure'): SMTPServer {
  const server = new SMTPServer({
    name: hostname,
    banner: 'Mailwicket',
    heloResponse: '%s Mailwicket',
    secure: security === 'secure',
    secured: true, // TLS is ours, on both kinds of listeners.
    logger: false,
    disableReverseLookup: true,
    authMethods: ['PLAIN', 'LOGIN'],
    disabledCommands: security === 'secure' ? ['STARTTLS', 'XCLIENT', 'XFORWARD'] : ['AUTH', 'XCLIENT', 'XFORWARD'],
    maxAllowedUnauthenticatedCommands: 50, // ours are the caps on bytes and time; apps say EHLO, NOOP and RSET a few times
    // At once, so that the connection is ready before the client's first bytes are looked at.
    onConnect: (_, callback) => callback(),
    onSecure: (_socket, _session, callback) => callback(),
    socketTimeout: 120_000, // ours is shorter
  })
  server.on('error', () => {}) // an error of one connection; its close is what we see
  return server
}

function sameMap(a: SmtpKeywords | undefined, b: SmtpKeywords): boolean {
  return a !== undefined && a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}
