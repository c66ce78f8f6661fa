/**
 * Tries an IMAP server as a client would: connect, TLS, capabilities, and a login if there is one to try. The only adapter for imapflow.
 *
 * Certificates are verified always; STARTTLS that is not offered is a failure; a server that says we are logged in before we
 * logged in is one too. Throws UPSTREAM_LOGIN_FAILED with the server's own words.
 */
import { ImapFlow, type ImapFlowOptions } from 'imapflow'
import { MailwicketError } from '../../base/errors.ts'
import { formatEndpoint } from '../../base/network.ts'
import type { UpstreamAccount } from '../upstream-choice.ts'
import { adviceFor, quote } from './probe-failure.ts'
import { checkTakesHeader, openTunnel, type Tunnel } from './probe-header.ts'
import { type ProbeTarget, readAuthorities } from './probe-target.ts'

/** For DNS, TCP, TLS, greeting and login together; a person waits for it. */
const PROBE_TIMEOUT_MS = 20_000

/** A server that talks more than this before a mailbox is opened is broken or hostile. */
const MAX_RESPONSE_BYTES = 64 * 1024

const TLS_PORT = 993

export interface ProbeFacts {
  /** In capitals; those after the login when there was one. */
  readonly capabilities: readonly string[]
  readonly loggedIn: boolean
}

/** Without `account` it looks only at what the server says before a login. */
export async function probeImap(target: ProbeTarget, account: UpstreamAccount | undefined): Promise<ProbeFacts> {
  // SECURITY: without AUTH=PLAIN imapflow would use LOGIN, which drops the authzid, and open the master user's own mailbox.
  if (account?.authzid !== undefined) await checkOffersPlain(target)
  const tunnel = await openTunnelFor(target)
  const client = new ImapFlow({
    ...connectionOptions(target),
    ...(tunnel === undefined ? {} : { proxy: tunnel.url }),
    ...(account === undefined ? {} : { auth: authOptions(account) }),
  })
  // An EventEmitter without a listener would end the process; what is emitted is also thrown by connect().
  client.on('error', () => {})
  const deadline = AbortSignal.timeout(PROBE_TIMEOUT_MS)
  const tooLate = new Promise<never>((_, reject) =>
    deadline.addEventListener('abort', () => reject(new Error(`no answer within ${PROBE_TIMEOUT_MS / 1000} s`))),
  )
  tooLate.catch(() => {})
  try {
    await Promise.race([client.connect(), tooLate])
    if (isPreauth(client)) throw new Error('it claims to be logged in before any login (PREAUTH)')
    return { capabilities: listCapabilities(client), loggedIn: true }
  } catch (error) {
    // Without an account imapflow stops where it would log in: after TLS and CAPABILITY.
    if (account === undefined && isOnlyLoginMissing(error) && !isPreauth(client)) return { capabilities: listCapabilities(client), loggedIn: false }
    throw toProbeError(error, target, account)
  } finally {
    client.close()
    tunnel?.close()
  }
}

async function openTunnelFor(target: ProbeTarget): Promise<Tunnel | undefined> {
  if (target.wantsHeader !== true) return undefined
  try {
    if (target.tls !== 'implicit') await checkTakesHeader(target)
    return await openTunnel(target)
  } catch (error) {
    throw toProbeError(error, target, undefined)
  }
}

async function checkOffersPlain(target: ProbeTarget): Promise<void> {
  const { capabilities } = await probeImap(target, undefined)
  if (!capabilities.includes('AUTH=PLAIN')) throw toProbeError(new Error('it does not offer AUTH=PLAIN, which style = "authzid" needs'), target, undefined)
}

/** imapflow takes a PREAUTH greeting for a login, though nothing was proven; only a greeting with OK leaves its text. */
function isPreauth(client: ImapFlow): boolean {
  return client.greeting === undefined
}

function connectionOptions({ host, port, tls, ca, serverName, pinned }: ProbeTarget): ImapFlowOptions {
  return {
    host,
    port,
    secure: tls === 'implicit',
    ...(tls === 'implicit' ? {} : { doSTARTTLS: tls === 'starttls' }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    tls: {
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca: [ca].flat().map(readAuthorities) }),
      ...(pinned === true ? { allowPartialTrustChain: true } : {}),
    },
    logger: false,
    verifyOnly: true,
    disableCompression: true,
    disableAutoEnable: true,
    clientInfo: { name: 'Mailwicket check', version: '' },
    connectionTimeout: PROBE_TIMEOUT_MS,
    greetingTimeout: PROBE_TIMEOUT_MS,
    socketTimeout: PROBE_TIMEOUT_MS,
    maxLineLength: MAX_RESPONSE_BYTES,
    maxLiteralSize: MAX_RESPONSE_BYTES,
    maxResponseSize: 2 * MAX_RESPONSE_BYTES,
  }
}

function authOptions({ user, authzid, secret }: UpstreamAccount) {
  const pass = secret.reveal().toString('utf8')
  return authzid === undefined ? { user, pass } : { user, pass, authzid, loginMethod: 'AUTH=PLAIN' }
}

function listCapabilities(client: ImapFlow): string[] {
  return [...client.capabilities.keys()].map(name => name.toUpperCase())
}

function isOnlyLoginMissing(error: unknown): boolean {
  return error instanceof Error && 'authenticationFailed' in error && !('response' in error)
}

interface ImapFlowFailure extends Error {
  readonly authenticationFailed?: boolean
  readonly response?: unknown
  readonly responseText?: unknown
  readonly code?: string
}

function toProbeError(error: unknown, target: ProbeTarget, account: UpstreamAccount | undefined): MailwicketError {
  if (error instanceof MailwicketError) return error
  const failure = error as ImapFlowFailure
  const where = formatEndpoint(target)
  const answer = [failure.response, failure.responseText].find(text => typeof text === 'string' && text !== '')
  // Without the tag of our command, which says nothing to anybody.
  const words = typeof answer === 'string' ? answer.replace(/^\S+ (?=(?:NO|BAD) )/, '') : undefined
  if (failure.authenticationFailed === true) {
    const name = account?.authzid === undefined ? account?.user : `${account.user} for ${account.authzid}`
    return new MailwicketError('UPSTREAM_LOGIN_FAILED', {
      message: `${where} refused the login of ${name}: ${quote(words ?? failure.message)}`,
      remedy: 'Check login and secret; the words are the server’s own.',
      cause: error,
    })
  }
  return new MailwicketError('UPSTREAM_LOGIN_FAILED', {
    message: `${where} cannot be used: ${quote(words ?? failure.message)}`,
    remedy: adviceFor({ code: failure.code ?? '', message: failure.message }, { ...target, tlsPort: TLS_PORT }),
    cause: error,
  })
}
