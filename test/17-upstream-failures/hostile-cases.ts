/** The hostile upstreams, and some that are only odd: what each does, what the app must hear, and how soon. */
import type { Behaviour, HostileConnection } from '../fixtures/misbehaving/hostile-upstream.ts'

export interface HostileCase {
  readonly name: string
  /** What the gateway is told to use. */
  readonly tls: 'none' | 'starttls' | 'implicit'
  readonly behave: Behaviour
  /** Start of the reply to the login. */
  readonly reply: RegExp
  readonly withinMs: number
  /** It must not even get a login: everything was wrong before. */
  readonly noLogin: boolean
}

type Step = (connection: HostileConnection) => unknown

/** One step after the other; after the last one it is silent. */
function script(...steps: Step[]): Behaviour {
  return async connection => {
    for (const step of steps) await step(connection)
  }
}

const greeting = '* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n'
const startTlsGreeting = '* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n'
const preauth = '* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n'
const gigabyte = 1e9

const says =
  (text: string | Uint8Array): Step =>
  connection =>
    connection.say(text)
const floods =
  (chunk: string): Step =>
  connection =>
    connection.flood(Buffer.from(chunk), gigabyte)
const drips =
  (text: string, everyMs: number): Step =>
  connection =>
    connection.drip(text, everyMs)
/** Answers the next command; `TAG` stands for its tag. */
const answers =
  (text: string): Step =>
  async connection =>
    connection.say(text.replace('TAG', await connection.tag()))
/** As a good server does: when the gateway ends its side, it ends its own. */
const staysUntilTheEnd: Step = async connection => {
  await connection.line().catch(() => {})
  connection.socket.destroy()
}
const hangsUp: Step = connection => void connection.socket.destroy()

/** Greets, answers what comes before the login, then says `text` to the login; `TAG` stands for its tag. */
const answersLogin =
  (text: string): Step =>
  async connection => {
    connection.say(greeting)
    for (;;) {
      const [tag = '', verb = ''] = (await connection.line()).split(' ')
      if (/^(AUTHENTICATE|LOGIN)$/i.test(verb)) return connection.say(text.replace('TAG', tag))
      connection.say(`* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n${tag} OK done\r\n`)
    }
  }
const takesLogin = answersLogin('')

const unavailable = /^t1 NO \[UNAVAILABLE\]/
const contactAdmin = /^t1 NO \[CONTACTADMIN\]/
/** At once, on a busy machine. */
const soonMs = 5_000
/** What the gateway of these cases gives an upstream for a login, 20 s in the product; on a busy machine a good one fits into it. */
export const upstreamLoginMs = 8_000
const deadlineMs = upstreamLoginMs + 2_000
/** Tags that somebody could guess. */
const guessableTags = [
  '1',
  'a',
  'a1',
  'A1',
  'a001',
  'A001',
  'a0',
  'A0',
  '0',
  'm1',
  'mw1',
  'g1',
  'G1',
  'L',
  'l1',
  't1',
  'x',
  'x1',
  'tag',
  'c1',
  'C1',
  'u1',
  'w1',
]

type Facts = Partial<Omit<HostileCase, 'name' | 'behave'>>
const beforeLogin = (name: string, behave: Behaviour, facts: Facts = {}): HostileCase => ({
  name,
  behave,
  tls: 'none',
  reply: unavailable,
  withinMs: soonMs,
  noLogin: true,
  ...facts,
})
const atLogin = (name: string, behave: Behaviour, facts: Facts = {}): HostileCase => ({
  name,
  behave,
  tls: 'none',
  reply: unavailable,
  withinMs: soonMs,
  noLogin: false,
  ...facts,
})
const starttls: Facts = { tls: 'starttls' }
const implicit: Facts = { tls: 'implicit' }
const late: Facts = { withinMs: deadlineMs }
/** All is well, and the app hears these capabilities. */
const loggedIn = (capabilities: string): Facts => ({ reply: new RegExp(`^t1 OK \\[CAPABILITY ${capabilities}\\]`) })

export const hostileCases: readonly HostileCase[] = [
  beforeLogin('an endless greeting without a line end', script(floods('x'.repeat(65_536)))),
  atLogin('an endless greeting of many lines', script(floods('* OK still not ready\r\n'.repeat(1000))), late),
  atLogin('a line of 1 GB as answer', script(takesLogin, says('* '), floods('y'.repeat(65_536)))),
  atLogin('endless untagged lines as answer', script(takesLogin, floods('* 1 EXISTS\r\n'.repeat(1000)))),
  atLogin('a literal of 4 GB as answer', script(takesLogin, says('* OK {4294967295}\r\n'), floods('z'.repeat(65_536)))),
  beforeLogin('PREAUTH', script(says(preauth))),
  beforeLogin('PREAUTH instead of STARTTLS', script(says(preauth)), starttls),
  beforeLogin('PREAUTH inside TLS', async connection => connection.startTls().say(preauth), implicit),
  beforeLogin('no STARTTLS', script(says(greeting), answers('TAG BAD unknown\r\n')), starttls),
  beforeLogin('STARTTLS refused', script(says(startTlsGreeting), answers('TAG NO not now\r\n')), starttls),
  beforeLogin(
    'bytes before the STARTTLS handshake',
    script(says(startTlsGreeting), answers('TAG OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n')),
    starttls,
  ),
  beforeLogin(
    'bytes before the STARTTLS handshake, then a proper one',
    async connection => {
      connection.say(startTlsGreeting)
      connection.say(`${await connection.tag()} OK begin\r\n* OK injected\r\n`)
      await script(takesLogin)(connection.startTls())
    },
    starttls,
  ),
  beforeLogin('a tagged OK before we spoke', script(says(greeting + guessableTags.map(tag => `${tag} OK [CAPABILITY IMAP4rev1] logged in\r\n`).join('')))),
  atLogin('the tag of somebody else', script(answersLogin('zzz OK logged in\r\n')), late),
  beforeLogin('not IMAP', script(says('220 mail.example.com ESMTP\r\n'))),
  beforeLogin('binary garbage', script(says(Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7919) % 256))), says('\r\n'))),
  beforeLogin('BYE as greeting', script(says('* BYE overloaded\r\n'))),
  beforeLogin('hangs up at once', script(hangsUp)),
  atLogin('hangs up during the login', script(takesLogin, hangsUp)),
  beforeLogin('plain text where TLS should be', script(says(greeting)), implicit),
  atLogin('refuses our login', script(answersLogin('TAG NO [AUTHENTICATIONFAILED] no\r\n')), { reply: contactAdmin }),
  atLogin('refuses our login without a code', script(answersLogin('TAG NO login failed\r\n')), { reply: contactAdmin }),
  atLogin('says [UNAVAILABLE]', script(answersLogin('TAG NO [UNAVAILABLE] later\r\n'))),
  atLogin('offers UNAUTHENTICATE', script(answersLogin('TAG OK [CAPABILITY IMAP4rev1 UNAUTHENTICATE] in\r\n')), { reply: contactAdmin }),
  beforeLogin('silent from the start', script(), late),
  beforeLogin('silent in the TLS handshake', script(), { ...implicit, ...late }),
  beforeLogin('silent after STARTTLS', script(says(startTlsGreeting), answers('TAG OK begin\r\n')), { ...starttls, ...late }),
  atLogin('silent after the login', script(takesLogin), late),
  beforeLogin('drips its greeting', script(drips('* OK not quite ', 50)), late),
  atLogin('drips untagged lines for ever', script(takesLogin, drips('* OK wait\r\n', 20)), late),
  atLogin(
    'odd: tells its capabilities before its OK',
    script(answersLogin('* CAPABILITY IMAP4rev1 X-EARLY\r\nTAG OK in\r\n'), staysUntilTheEnd),
    loggedIn('IMAP4rev1 X-EARLY'),
  ),
  atLogin(
    'odd: says much before its OK',
    script(answersLogin('* OK [ALERT] maintenance tonight\r\n* 1 EXISTS\r\nTAG OK [CAPABILITY IMAP4rev1 X] in\r\n'), staysUntilTheEnd),
    loggedIn('IMAP4rev1 X'),
  ),
  atLogin(
    'odd: tells its capabilities only when asked',
    script(answersLogin('TAG OK in\r\n'), answers('* CAPABILITY IMAP4rev1 X-ASKED\r\nTAG OK done\r\n'), staysUntilTheEnd),
    loggedIn('IMAP4rev1 X-ASKED'),
  ),
  atLogin(
    'odd: knows LOGIN only',
    async connection => {
      connection.say('* OK hello\r\n')
      connection.say(`* CAPABILITY IMAP4rev1\r\n${await connection.tag()} OK done\r\n`)
      const tag = await connection.tag()
      // Two literals: name, secret.
      for (const _ of ['name', 'secret']) {
        connection.say('+ go on\r\n')
        await connection.line()
      }
      connection.say(`${tag} OK [CAPABILITY IMAP4rev1 X-LOGIN] in\r\n`)
      await staysUntilTheEnd(connection)
    },
    loggedIn('IMAP4rev1 X-LOGIN'),
  ),
]
