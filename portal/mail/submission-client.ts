/**
 * Hands one mail to the configured submission server: a connection of its own, closed afterwards.
 *
 * TLS is as the configuration says and never less: without STARTTLS, or with a certificate that does not fit, nothing is sent, no login either.
 * Everything together has a deadline that is shorter than the queue's lease.
 */
import { readFileSync } from 'node:fs'
import MailComposer from 'nodemailer/lib/mail-composer/index.js'
import SMTPConnection from 'nodemailer/lib/smtp-connection/index.js'
import { MailwicketError } from '../../base/errors.ts'
import { readSecretFile } from '../../base/files/secret-file.ts'
import type { Secret } from '../../base/secret.ts'
import type { PortalMailConfig } from '../../config/config.ts'

const STEP_MS = 30_000
const DEADLINE_MS = 120_000
const MAX_REPLY_CHARACTERS = 300

export interface OutgoingMail {
  readonly from: string
  readonly to: string
  readonly messageId: string
  readonly date: Date
  readonly language: string
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** `hostname`: our name in EHLO. */
export type MailServer = PortalMailConfig & { readonly hostname: string }

export type SendMail = (server: MailServer, mail: OutgoingMail, signal: AbortSignal) => Promise<void>

/**
 * `recipient`: this mail was refused; others may pass. `server`: none would have passed. `isFinal`: it will never be taken. The message has the
 * server's words, cut, never those about a login.
 */
export class MailFailure extends Error {
  readonly scope: 'recipient' | 'server'
  readonly isFinal: boolean

  constructor(message: string, { scope, isFinal, cause }: { readonly scope: 'recipient' | 'server'; readonly isFinal: boolean; readonly cause?: unknown }) {
    super(message, { cause })
    this.scope = scope
    this.isFinal = isFinal
  }
}

/** Resolves once the server has taken it. Throws MailFailure; aborted, too. */
export async function sendMail(server: MailServer, mail: OutgoingMail, signal: AbortSignal): Promise<void> {
  const message = await compose(mail)
  const { secret, options } = prepare(server)
  const connection = new SMTPConnection(options)
  const over = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)])
  try {
    await new Promise<void>((resolve, reject) => {
      connection.on('error', reject)
      connection.on('end', () => reject(new Error('the server closed the connection')))
      over.addEventListener('abort', () => reject(new Error(signal.aborted ? 'stopped' : 'the server took too long')))
      const send = () => connection.send({ from: mail.from, to: [mail.to] }, message, error => (error ? reject(error) : resolve()))
      connection.connect(error => {
        if (error) return reject(error)
        if (server.user === undefined || secret === undefined) return send()
        const pass = secret.reveal().toString('utf8')
        connection.login({ user: server.user, credentials: { user: server.user, pass } }, failed => (failed ? reject(failed) : send()))
      })
    })
    connection.quit()
  } catch (error) {
    connection.close()
    throw asFailure(error as SmtpError)
  }
}

function compose({ language, to, ...mail }: OutgoingMail): Promise<Buffer> {
  // RFC 3834 §5: nobody's vacation message answers it.
  const headers = { 'Auto-Submitted': 'auto-generated', 'Content-Language': language }
  const composer = new MailComposer({
    ...mail,
    to: { name: '', address: to },
    headers,
    textEncoding: 'quoted-printable',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return composer.compile().build()
}

function prepare({ server: { host, port, tls }, ca, hostname, secretFile }: MailServer) {
  try {
    const secret: Secret | undefined = secretFile === undefined ? undefined : readSecretFile(secretFile, "the mail server's secret")
    const options = {
      host,
      port,
      name: hostname,
      secure: tls === 'implicit',
      requireTLS: tls === 'starttls',
      ignoreTLS: tls === 'none',
      tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca: readFileSync(ca) }) },
      connectionTimeout: STEP_MS,
      greetingTimeout: STEP_MS,
      dnsTimeout: STEP_MS,
      socketTimeout: STEP_MS,
    } as const
    return { secret, options }
  } catch (error) {
    throw new MailFailure(error instanceof MailwicketError ? error.message : `ca: ${(error as Error).message}`, {
      scope: 'server',
      isFinal: false,
      cause: error,
    })
  }
}

interface SmtpError extends Error {
  readonly code?: string
  readonly command?: string
  readonly responseCode?: number
}

/** RFC 5321 §4.2.1: 5yz is for good, but what is refused to us and not to this mail is mended in the configuration. */
function asFailure(error: SmtpError): MailFailure {
  const { code, command = '', responseCode } = error
  const isAboutMail = code === 'EENVELOPE' || code === 'EMESSAGE' || command === 'DATA'
  const isSender = command === 'MAIL FROM'
  const scope = isAboutMail && !isSender ? 'recipient' : 'server'
  const isFinal = scope === 'recipient' && (responseCode === undefined ? code === 'EENVELOPE' : responseCode >= 500)
  // SECURITY: a reply to a login may repeat what it was sent.
  const words = code === 'EAUTH' ? `the login was refused${responseCode === undefined ? '' : ` (${responseCode})`}` : printable(error.message)
  return new MailFailure(words, { scope, isFinal, cause: error })
}

function printable(text: string): string {
  return Array.from(text.replace(/\p{C}+/gu, ' '))
    .slice(0, MAX_REPLY_CHARACTERS)
    .join('')
}
