/** Servers that are odd, not wrong, and servers that let nobody in: each answers a line at a time. */
import { createServer, type Server, type Socket } from 'node:net'

export type Protocol = 'imap' | 'submission'

/** Called for each connection; gives what answers a line. */
export type Behaviour = (say: (text: string) => void, socket: Socket) => (line: string) => void

export interface OddServer {
  readonly name: string
  readonly protocol: Protocol
  readonly behave: Behaviour
  /** Lines of its [[upstream]] beside name, domains and address. */
  readonly more?: string
  /** Whether a mail app gets in. */
  readonly good: boolean
}

const SECRET = 'odd-upstream-secret'

export { SECRET as oddSecret }

export async function openServer(behave: Behaviour): Promise<{ readonly port: number; close(): void }> {
  const open = new Set<Socket>()
  const server: Server = createServer(socket => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    const onLine = behave(text => void (socket.writable && socket.write(text, 'latin1')), socket)
    let unread = ''
    socket.on('data', chunk => {
      unread += chunk.toString('latin1')
      for (let end = unread.indexOf('\r\n'); end >= 0; end = unread.indexOf('\r\n')) {
        const line = unread.slice(0, end)
        unread = unread.slice(end + 2)
        onLine(line)
      }
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    close: () => {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

interface ImapManners {
  readonly greeting?: string
  readonly before?: string
  /** To the form of login that is named, in place of what a good server says. */
  readonly answers?: Readonly<Record<string, string>>
  /** The tagged OK of the login. */
  readonly ok?: string
}

const PLAIN = Buffer.from(`\0reader\0${SECRET}`).toString('base64')

/** Dovecot's manners, but for what is told. `TAG` in an answer is the tag. */
function imap({
  greeting = '* OK ready',
  before = 'IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN',
  answers = {},
  ok = 'OK [CAPABILITY IMAP4rev1] in',
}: ImapManners): Behaviour {
  return say => {
    say(`${greeting}\r\n`)
    let tag = ''
    let step: ((line: string) => void) | undefined
    const finish = (isRight: boolean) => {
      step = undefined
      say(isRight ? `${tag} ${ok}\r\n` : `${tag} NO [AUTHENTICATIONFAILED] wrong\r\n`)
    }
    return line => {
      if (step !== undefined) return step(line)
      const [first = '', verb = '', ...rest] = line.split(' ')
      tag = first
      const kind = verb === 'LOGIN' ? (rest[0]?.startsWith('"') ? 'quoted' : 'literals') : `${rest[0]}${rest[1] === undefined ? '' : '-IR'}`
      const answer = answers[verb === 'AUTHENTICATE' || verb === 'LOGIN' ? kind : verb]
      if (answer !== undefined) return say(answer.replaceAll('TAG', tag))
      if (verb === 'CAPABILITY') return say(`* CAPABILITY ${before}\r\n${tag} OK done\r\n`)
      if (verb === 'LOGOUT') return say(`* BYE bye\r\n${tag} OK done\r\n`)
      if (verb !== 'AUTHENTICATE' && verb !== 'LOGIN') return say(`${tag} OK done\r\n`)
      if (kind === 'PLAIN-IR') return finish(rest[1] === PLAIN)
      if (kind === 'quoted') return finish(line.endsWith(`"reader" "${SECRET}"`))
      say('+ \r\n')
      if (kind === 'PLAIN') step = text => finish(text === PLAIN)
      else
        step = name => {
          say('+ \r\n')
          const isRight = kind === 'LOGIN' ? name === Buffer.from('reader').toString('base64') : name === `reader {${SECRET.length}}`
          step = secret => finish(isRight && (kind === 'LOGIN' ? Buffer.from(secret, 'base64').toString() : secret) === SECRET)
        }
    }
  }
}

interface SmtpManners {
  readonly greeting?: string
  readonly mechanisms?: string
  readonly keywords?: readonly string[]
  readonly answers?: Readonly<Record<string, string>>
}

/** Postfix's manners, but for what is told. */
function smtp({ greeting = '220 mail ESMTP', mechanisms = 'PLAIN LOGIN', keywords = [], answers = {} }: SmtpManners): Behaviour {
  return (say, socket) => {
    say(`${greeting}\r\n`)
    let step: ((line: string) => void) | undefined
    const finish = (isRight: boolean) => {
      step = undefined
      say(isRight ? '235 2.7.0 in\r\n' : '535 5.7.8 wrong\r\n')
    }
    return line => {
      if (step !== undefined) return step(line)
      const [verb = '', mechanism = '', initial] = line.split(' ')
      const kind = verb === 'AUTH' ? `${mechanism}${initial === undefined ? '' : '-IR'}` : verb
      const answer = answers[kind]
      if (answer !== undefined) return say(answer)
      if (verb === 'EHLO') return say(`${['mail', ...keywords].map(text => `250-${text}\r\n`).join('')}250 AUTH ${mechanisms}\r\n`)
      if (verb === 'QUIT') {
        say('221 bye\r\n')
        return void socket.end()
      }
      if (verb !== 'AUTH') return say('250 ok\r\n')
      if (kind === 'PLAIN-IR') return finish(initial === PLAIN)
      say('334 \r\n')
      if (kind === 'PLAIN') step = text => finish(text === PLAIN)
      else
        step = name => {
          say('334 \r\n')
          step = secret => finish(name === Buffer.from('reader').toString('base64') && Buffer.from(secret, 'base64').toString() === SECRET)
        }
    }
  }
}

const BAD = 'TAG BAD what?\r\n'

const imapServers: readonly (readonly [string, boolean, ImapManners, string?])[] = [
  ['good manners', true, {}],
  ['BAD to an initial response (Coremail)', true, { answers: { 'PLAIN-IR': 'TAG BAD Request not ending with \\r\\n\r\n' } }],
  ['no SASL that works', true, { answers: { 'PLAIN-IR': BAD, PLAIN: 'TAG NO AUTHENTICATE failed.\r\n', LOGIN: BAD } }],
  ['no literal in LOGIN (DavMail)', true, { before: 'IMAP4rev1', answers: { literals: BAD } }],
  ['no quoted string in LOGIN', true, { before: 'IMAP4rev1', answers: { quoted: BAD } }],
  ['AUTHENTICATE LOGIN only', true, { before: 'IMAP4rev1 AUTH=LOGIN LOGINDISABLED' }],
  ['no form that we know', false, { before: 'IMAP4rev1 AUTH=GSSAPI LOGINDISABLED' }],
  ['CAPABILITY answered BAD, before and after', true, { ok: 'OK in', answers: { CAPABILITY: BAD } }],
  ['capabilities that are no atoms', true, { ok: 'OK [CAPABILITY 4rev1 IMAP4rev1 "x" (y)] in' }],
  ['ID answered BAD', true, { ok: 'OK [CAPABILITY IMAP4rev1 ID] in', answers: { ID: BAD } }],
  ['UNAUTHENTICATE', false, { ok: 'OK [CAPABILITY IMAP4rev1 UNAUTHENTICATE] in' }],
  ['UNAUTHENTICATE, allowed', true, { ok: 'OK [CAPABILITY IMAP4rev1 UNAUTHENTICATE] in' }, 'allow_unauthenticate = true'],
  ['PREAUTH', false, { greeting: '* PREAUTH come in' }],
  ['BYE at once', false, { greeting: '* BYE too many connections' }],
  ['another protocol', false, { greeting: '220 mail ESMTP' }],
  ['an untagged refusal', false, { answers: { 'PLAIN-IR': '* NO [AUTHENTICATIONFAILED] no\r\n' } }],
  ['BYE in the login', false, { answers: { 'PLAIN-IR': '* BYE no\r\n' } }],
  ['a clear refusal of the first form', false, { answers: { 'PLAIN-IR': 'TAG NO LOGIN failed.\r\n' } }],
  ['a passing fault', false, { answers: { 'PLAIN-IR': 'TAG NO Server Unavailable. 15\r\n' } }],
  ['a PROXY header that it does not know', false, {}, 'forward_client = "proxy-v1"'],
]

const submissionServers: readonly (readonly [string, boolean, SmtpManners, string?])[] = [
  ['good manners', true, {}],
  ['no initial response', true, { answers: { 'PLAIN-IR': '501 5.5.4 Syntax: AUTH mechanism\r\n' } }],
  ['LOGIN only, though it offers PLAIN', true, { answers: { 'PLAIN-IR': '504 no\r\n', PLAIN: '504 no\r\n' } }],
  ['no AUTH that we know', false, { mechanisms: 'GSSAPI' }],
  ['several codes in one refusal', false, { answers: { 'PLAIN-IR': '454-4.7.0 not\r\n535 5.7.8 you\r\n' } }],
  ['a clear refusal of the first form', false, { answers: { 'PLAIN-IR': '535 5.7.8 no\r\n' } }],
  ['a passing fault', false, { answers: { 'PLAIN-IR': '454 4.7.0 Temporary authentication failure\r\n' } }],
  ['XCLIENT refused', false, { keywords: ['XCLIENT ADDR'], answers: { XCLIENT: '550 not you\r\n' } }, 'forward_client = "xclient"'],
  ['XCLIENT taken', true, { keywords: ['XCLIENT ADDR PORT HELO PROTO NAME'], answers: { XCLIENT: '220 mail\r\n' } }, 'forward_client = "xclient"'],
  ['a busy greeting', false, { greeting: '421 too busy' }],
  ['a PROXY header that it does not know', false, { answers: { PROXY: '500 what?\r\n' } }, 'forward_client = "proxy-v1"'],
]

export const oddServers: readonly OddServer[] = [
  ...imapServers.map(([name, good, manners, more]) => ({
    protocol: 'imap' as const,
    name,
    good,
    behave: imap(manners),
    ...(more === undefined ? {} : { more }),
  })),
  ...submissionServers.map(([name, good, manners, more]) => ({
    protocol: 'submission' as const,
    name,
    good,
    behave: smtp(manners),
    ...(more === undefined ? {} : { more }),
  })),
]
