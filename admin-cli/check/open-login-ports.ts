/**
 * Knocks at a port where mail servers take logins: does one answer, and is it this gateway?
 *
 * Nothing secret is said and nobody logs in. SECURITY: certificates are not verified here, because only the greeting is of interest;
 * nothing that is heard is trusted, kept or shown.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface LoginService {
  readonly port: number
  readonly protocol: 'IMAP' | 'POP3' | 'submission' | 'ManageSieve' | 'SMTP'
  readonly tls: 'implicit' | 'later'
}

/** Where an app could log in with the password of the real server. SMTP counts only where it offers AUTH. */
export const LOGIN_SERVICES: readonly LoginService[] = [
  { port: 143, protocol: 'IMAP', tls: 'later' },
  { port: 993, protocol: 'IMAP', tls: 'implicit' },
  { port: 110, protocol: 'POP3', tls: 'later' },
  { port: 995, protocol: 'POP3', tls: 'implicit' },
  { port: 587, protocol: 'submission', tls: 'later' },
  { port: 465, protocol: 'submission', tls: 'implicit' },
  { port: 4190, protocol: 'ManageSieve', tls: 'later' },
  { port: 25, protocol: 'SMTP', tls: 'later' },
]

export interface LoginAnswer {
  readonly isGateway: boolean
  /** The address of this machine that the server sees, if nothing between translates it. */
  readonly from: string
}

/** DNS is done; TCP, TLS and greeting together. A closed port behind a firewall takes all of it. */
const KNOCK_TIMEOUT_MS = 3_000
const MAX_HEARD = 16 * 1024

const GREETINGS: Readonly<Record<LoginService['protocol'], RegExp>> = {
  IMAP: /^\* (?:OK|PREAUTH|BYE)\b/i,
  POP3: /^\+OK\b/i,
  submission: /^220[ -]/,
  ManageSieve: /^"IMPLEMENTATION" /i,
  SMTP: /^220[ -]/,
}
/** What this gateway says of itself in every greeting. */
const OURS = /\bMailwicket\b/
const WHOLE_REPLY = /^\d{3}(?: .*)?\r?\n/m

/** Undefined: nobody takes logins there, as far as this machine can tell. */
export async function askForLogin(address: string, serverName: string | undefined, service: LoginService): Promise<LoginAnswer | undefined> {
  const sockets: Socket[] = []
  const deadline = setTimeout(() => void sockets.map(socket => socket.destroy()), KNOCK_TIMEOUT_MS)
  try {
    const target = { host: address, port: service.port }
    const socket = service.tls === 'implicit' ? connectTls({ ...target, ...tlsOptions(serverName) }) : connectTcp(target)
    sockets.push(socket)
    const greeting = await converse(socket, '', isSmtp(service) ? WHOLE_REPLY : /\n/)
    if (!GREETINGS[service.protocol].test(greeting)) return undefined
    const answer = { isGateway: OURS.test(greeting), from: socket.localAddress ?? '' }
    return service.protocol !== 'SMTP' || (await offersAuth(socket, serverName, sockets)) ? answer : undefined
  } catch {
    // Whatever the reason: nobody logs in there from here. What this check can see ends here, and its findings say so.
    return undefined
  } finally {
    clearTimeout(deadline)
    for (const socket of sockets) socket.destroy()
  }
}

function isSmtp({ protocol }: LoginService): boolean {
  return protocol === 'SMTP' || protocol === 'submission'
}

async function offersAuth(socket: Socket, serverName: string | undefined, sockets: Socket[]): Promise<boolean> {
  const ehlo = 'EHLO mailwicket-check.invalid\r\n'
  const plain = await converse(socket, ehlo, WHOLE_REPLY)
  if (/^250[ -]AUTH\b/im.test(plain)) return true
  if (!/^250[ -]STARTTLS\b/im.test(plain) || !/^220/.test(await converse(socket, 'STARTTLS\r\n', WHOLE_REPLY))) return false
  const secure = connectTls({ socket, ...tlsOptions(serverName) })
  sockets.push(secure)
  return /^250[ -]AUTH\b/im.test(await converse(secure, ehlo, WHOLE_REPLY))
}

function tlsOptions(serverName: string | undefined) {
  return { rejectUnauthorized: false, ...(serverName === undefined || isIP(serverName) !== 0 ? {} : { servername: serverName }) }
}

/** Says something and gives what is heard until it is whole. Throws when the other side closes or says too much before. */
function converse(socket: Socket, say: string, whole: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = ''
    const finish = (error: Error | undefined) => {
      socket.off('data', onData)
      socket.off('close', onClose)
      if (error === undefined) resolve(heard)
      else reject(error)
    }
    const onData = (chunk: Buffer) => {
      heard += chunk.toString('latin1')
      if (whole.test(heard)) finish(undefined)
      else if (heard.length > MAX_HEARD) finish(new Error('it says too much'))
    }
    const onClose = () => finish(new Error('it closed the connection'))
    // The error is followed by the close; the listener stays, for a socket may fail later too.
    socket.on('error', () => {})
    socket.on('data', onData)
    socket.on('close', onClose)
    if (say !== '') socket.write(say)
  })
}
