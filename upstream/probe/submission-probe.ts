/**
 * Tries a submission server as a client would: connect, TLS, EHLO, and AUTH if there is a login to try. The only adapter for nodemailer.
 *
 * Certificates are verified always; STARTTLS that is not offered is a failure, and so is a server without AUTH.
 * No message is sent, not even its envelope. Throws UPSTREAM_LOGIN_FAILED with the server's own words.
 */
import type { Socket } from 'node:net'
import SMTPConnection, { type SMTPConnectionCustomAuthContext, type SMTPConnectionOptions } from 'nodemailer/lib/smtp-connection'
import { MailwicketError } from '../../base/errors.ts'
import { formatEndpoint } from '../../base/network.ts'
import type { UpstreamAccount } from '../upstream-choice.ts'
import { adviceFor, quote } from './probe-failure.ts'
import { connectBehindHeader } from './probe-header.ts'
import { type ProbeTarget, readAuthorities } from './probe-target.ts'

/** For DNS, TCP, TLS, greeting, EHLO and AUTH together; a person waits for it. */
const PROBE_TIMEOUT_MS = 20_000
/** A server that answers EHLO with more than this is broken or hostile. */
const MAX_RESPONSE_BYTES = 64 * 1024
const TLS_PORT = 465

export interface SubmissionFacts {
  /** Of the EHLO reply after TLS, in capitals. */
  readonly mechanisms: readonly string[]
  /** All keywords of that reply, in capitals. */
  readonly keywords: readonly string[]
  readonly loggedIn: boolean
}

/** Without `account` it looks only at what the server offers. */
export async function probeSubmission(target: ProbeTarget, account: UpstreamAccount | undefined): Promise<SubmissionFacts> {
  const socket = target.wantsHeader === true ? await connectTo(target) : undefined
  const connection = new SMTPConnection({ ...connectionOptions(target, account), ...(socket === undefined ? {} : { connection: socket }) })
  const { promise: failed, reject } = Promise.withResolvers<never>()
  failed.catch(() => {})
  connection.on('error', reject)
  connection.on('end', () => reject(new Error('it closed the connection')))
  const deadline = setTimeout(() => reject(new Error(`no answer within ${PROBE_TIMEOUT_MS / 1000} s`)), PROBE_TIMEOUT_MS)
  try {
    await Promise.race([new Promise<void>((resolve, refuse) => connection.connect(error => (error ? refuse(error) : resolve()))), failed])
    const mechanisms = listMechanisms(connection.lastServerResponse || '')
    const keywords = listKeywords(connection.lastServerResponse || '')
    checkMechanisms(mechanisms, account)
    if (account === undefined) return { mechanisms, keywords, loggedIn: false }
    await Promise.race([new Promise<void>((resolve, refuse) => connection.login({ method: OUR_METHOD }, error => (error ? refuse(error) : resolve()))), failed])
    return { mechanisms, keywords, loggedIn: true }
  } catch (error) {
    throw toProbeError(error, target, account)
  } finally {
    clearTimeout(deadline)
    connection.close()
    socket?.destroy()
  }
}

async function connectTo(target: ProbeTarget): Promise<Socket> {
  return connectBehindHeader(target).catch(error => {
    throw toProbeError(error, target, undefined)
  })
}

/** nodemailer's own PLAIN has no authzid, so the AUTH dialogue is ours. */
const OUR_METHOD = 'MAILWICKET'

function connectionOptions({ host, port, tls, ca, serverName, pinned }: ProbeTarget, account: UpstreamAccount | undefined): SMTPConnectionOptions {
  return {
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(serverName === undefined ? {} : { servername: serverName }),
    tls: {
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca: [ca].flat().map(readAuthorities) }),
      ...(pinned === true ? { allowPartialTrustChain: true } : {}),
    },
    customAuth: account === undefined ? {} : { [OUR_METHOD]: context => authenticate(context, account) },
    allowInternalNetworkInterfaces: true,
    connectionTimeout: PROBE_TIMEOUT_MS,
    greetingTimeout: PROBE_TIMEOUT_MS,
    socketTimeout: PROBE_TIMEOUT_MS,
    dnsTimeout: PROBE_TIMEOUT_MS,
    socketCloseTimeout: 0,
    maxResponseSize: MAX_RESPONSE_BYTES,
    logger: false,
  }
}

async function authenticate(context: SMTPConnectionCustomAuthContext, { authzid = '', user, secret }: UpstreamAccount): Promise<void> {
  const password = secret.reveal().toString('utf8')
  const encode = (text: string) => Buffer.from(text).toString('base64')
  const ask = async (line: string) => (await context.sendCommand(line)).response
  let reply: string
  if (context.authMethods.includes('PLAIN')) {
    reply = await ask(`AUTH PLAIN ${encode(`${authzid}\0${user}\0${password}`)}`) // RFC 4616 §2: authzid, user and password with NUL between.
  } else {
    reply = await ask('AUTH LOGIN')
    if (reply.startsWith('334')) reply = await ask(encode(user))
    if (reply.startsWith('334')) reply = await ask(encode(password))
  }
  if (reply.startsWith('235')) context.resolve()
  else context.reject(new AuthRefused(reply))
}

class AuthRefused extends Error {
  override readonly name = 'AuthRefused'
  /** The server's own; `message` gets them twice on the way through nodemailer. */
  readonly words: string

  constructor(words: string) {
    super(words)
    this.words = words
  }
}

/** RFC 4954 §3: the AUTH keyword of EHLO lists the mechanisms. */
function listMechanisms(ehloReply: string): string[] {
  const lines = ehloReply.split(/\r?\n/).map(line => /^250[ -]AUTH[ =](.*)$/i.exec(line)?.[1] ?? '')
  return [...new Set(lines.join(' ').toUpperCase().split(/\s+/).filter(Boolean))]
}

function listKeywords(ehloReply: string): string[] {
  return ehloReply.split(/\r?\n/).flatMap(line => /^250[ -]([A-Z0-9-]+)/i.exec(line)?.[1]?.toUpperCase() ?? [])
}

function checkMechanisms(mechanisms: readonly string[], account: UpstreamAccount | undefined): void {
  if (mechanisms.length === 0) throw new Error('it does not offer AUTH')
  // SECURITY: AUTH LOGIN has no authzid: it would log the master user in to its own mailbox.
  if (account?.authzid !== undefined && !mechanisms.includes('PLAIN')) throw new Error('it does not offer AUTH PLAIN, which style = "authzid" needs')
  if (!mechanisms.includes('PLAIN') && !mechanisms.includes('LOGIN')) throw new Error(`it offers neither AUTH PLAIN nor LOGIN, only ${mechanisms.join(' ')}`)
}

interface NodemailerFailure extends Error {
  readonly code?: string
  /** The system's or TLS's own code, where nodemailer put one of its own into `code`. */
  readonly originalCode?: string
  readonly response?: string
}

function toProbeError(error: unknown, target: ProbeTarget, account: UpstreamAccount | undefined): MailwicketError {
  if (error instanceof MailwicketError) return error
  const failure = error as NodemailerFailure
  const where = formatEndpoint(target)
  if (failure instanceof AuthRefused) {
    const name = account?.authzid === undefined ? account?.user : `${account.user} for ${account.authzid}`
    return new MailwicketError('UPSTREAM_LOGIN_FAILED', {
      message: `${where} refused the login of ${name}: ${quote(failure.words)}`,
      remedy: 'Check login and secret; the words are the server’s own.',
      cause: error,
    })
  }
  return new MailwicketError('UPSTREAM_LOGIN_FAILED', {
    message: `${where} cannot be used: ${quote(failure.response ?? failure.message)}`,
    remedy: /AUTH/.test(failure.message)
      ? 'Give the address of its submission service (mostly port 587 or 465): there apps log in before they send.'
      : adviceFor({ code: failure.originalCode ?? failure.code ?? '', message: failure.message }, { ...target, tlsPort: TLS_PORT }),
    cause: error,
  })
}
